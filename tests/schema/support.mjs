// The command, and DynamoDB Local as any other program speaks to it.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

export function required(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run this by ctest, beside tests/emulators/with-emulators`);
  return value;
}

export const endpoint = (service = 'dynamodb') =>
  required(`SAGABUS_TEST_${service.toUpperCase()}_ENDPOINT`);
export const newTableName = () => `schema-${randomBytes(8).toString('hex')}`;
export const storeOf = (table, at = endpoint()) =>
  `dynamodb://${table}?region=us-east-1&endpoint=${at}`;

const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

// What it printed, once it is known to have ended so.
export function sagabus(words, exit = 0) {
  const ran = spawnSync(required('SAGABUS_PROGRAM'), words, {
    encoding: 'utf8',
    env: { ...process.env, ...credentials },
  });
  assert.equal(ran.status, exit, `sagabus ${words.join(' ')}: ${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

// The same with neither network, Region nor credentials in its environment.
export function sagabusAlone(words) {
  const ran = spawnSync(required('SAGABUS_PROGRAM'), words, { encoding: 'utf8', env: {} });
  assert.equal(ran.status, 0, `sagabus ${words.join(' ')}: ${ran.stderr}`);
  assert.equal(ran.stderr, '');
  return ran.stdout;
}

// While this process goes on: its exit code and what it wrote; `stop` ends it.
export function start(program, words, environment = {}) {
  const child = spawn(program, words, { env: { ...process.env, ...credentials, ...environment } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (text += part));
  const ended = new Promise((resolve) => {
    child.on('close', (exit, signal) => resolve({ exit: signal ?? exit, text }));
  });
  return { ended, stop: () => child.kill('SIGKILL'), tell: (signal) => child.kill(signal) };
}

export const program = () => required('SAGABUS_PROGRAM');
export const conformance = (box) => required(`SAGABUS_${box.toUpperCase()}_CONFORMANCE`);

export async function call(operation, body) {
  const answer = await fetch(endpoint(), {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-amz-json-1.0',
      'X-Amz-Target': `DynamoDB_20120810.${operation}`,
      'Authorization': 'AWS4-HMAC-SHA256 ' +
        'Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: JSON.stringify(body),
  });
  const result = await answer.json();
  assert.ok(answer.ok, `${operation}: ${JSON.stringify(result)}`);
  return result;
}
