// What the schema of the provider has against a resource of a configuration.
import { readFileSync } from 'node:fs';

const { schema, resource } =
  JSON.parse(readFileSync(new URL('aws_dynamodb_table.json', import.meta.url)));

// Of every resource, whatever its provider is.
const META = { lifecycle: { block: { prevent_destroy: { type: 'boolean' } } } };

function checkBlock(problems, where, block, names) {
  for (const [name, value] of Object.entries(block)) {
    const spec = names[name];
    const at = `${where}.${name}`;
    if (!spec || spec.computed) problems.push(`${at}: no such argument`);
    else if (!spec.block && typeof value !== spec.type) problems.push(`${at}: no ${spec.type}`);
    else if (spec.block && !Array.isArray(value)) problems.push(`${at}: no block`);
    else if (spec.block) value.forEach((one) => checkBlock(problems, at, one, spec.block));
  }
  for (const [name, spec] of Object.entries(names)) {
    if (spec.required && !(name in block)) problems.push(`${where}.${name}: missing`);
  }
}

export function problemsOf(configuration) {
  const problems = [];
  for (const name of Object.keys(configuration)) {
    if (!['terraform', 'resource', 'output'].includes(name)) problems.push(`${name}: unexpected`);
  }
  for (const [type, resources] of Object.entries(configuration.resource)) {
    if (type !== resource) problems.push(`${type}: no such resource`);
    for (const [name, [block]] of Object.entries(resources)) {
      checkBlock(problems, name, block, { ...schema, ...META });
    }
  }
  for (const [name, [output]] of Object.entries(configuration.output)) {
    const reference = /^\$\{(\w+)\.(\w+)\.(\w+)\}$/.exec(output.value);
    if (typeof output.value === 'number') continue;
    const known = reference && configuration.resource[reference[1]]?.[reference[2]];
    if (!known || !schema[reference[3]]) problems.push(`output ${name}: no such attribute`);
  }
  return problems;
}
