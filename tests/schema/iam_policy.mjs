// What a policy allows, as IAM would say: as much of its language as our policies and stacks use.
import assert from 'node:assert/strict';

const list = (value) => (Array.isArray(value) ? value : [value]);

// `*` is any text, `?` any character.
export function matches(pattern, text) {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}

// Actions are the same in capitals.
function speaksOf(statement, { action, resource }) {
  return list(statement.Action).some((one) => matches(one.toLowerCase(), action.toLowerCase())) &&
    list(statement.Resource).some((one) => matches(one, resource));
}

// A part that is not known here could say anything.
export function checkPolicy(policy) {
  for (const statement of policy.Statement) {
    const { Sid, Effect, Action, Resource, ...more } = statement;
    assert.deepEqual(Object.keys(more), [], `statement ${Sid}: parts that nobody here understands`);
    assert.ok(Effect === 'Allow' || Effect === 'Deny', `statement ${Sid}: Effect: ${Effect}`);
    assert.ok(Action && Resource, `statement ${Sid}: no Action or no Resource`);
  }
}

export function allows(policy, need) {
  const speaking = policy.Statement.filter((statement) => speaksOf(statement, need));
  return speaking.length > 0 && speaking.every(({ Effect }) => Effect === 'Allow');
}

export function without(policy, action) {
  const less = structuredClone(policy);
  for (const statement of less.Statement) {
    statement.Action = list(statement.Action).filter((one) => one !== action);
  }
  return less;
}

export const actionsOf = (policy) =>
  [...new Set(policy.Statement.flatMap((statement) => list(statement.Action)))].sort();
