// Stands between a program and DynamoDB, SQS and SNS, and asks a policy about each request as IAM
// would.
import { createServer, request } from 'node:http';

const ACCOUNT = '000000000000';

const list = (value) => (Array.isArray(value) ? value : [value]);

function matches(pattern, text) {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(text);
}

function allows(policy, { action, resource }) {
  return policy.Statement.some((statement) =>
    statement.Effect === 'Allow' &&
    list(statement.Action).some((allowed) => matches(allowed, action)) &&
    list(statement.Resource).some((allowed) => matches(allowed, resource)));
}

export const tableArn = (table) => `arn:aws:dynamodb:us-east-1:${ACCOUNT}:table/${table}`;
export const queueArn = (queue) => `arn:aws:sqs:us-east-1:${ACCOUNT}:${queue}`;
export const topicArn = (topic) => `arn:aws:sns:us-east-1:${ACCOUNT}:${topic}`;

// A transaction needs what its parts do.
function ofDynamoDb(operation, body) {
  const one = (action, { TableName, IndexName }) => ({
    action: `dynamodb:${action}`,
    resource: tableArn(TableName) + (IndexName ? `/index/${IndexName}` : ''),
  });
  if (operation !== 'TransactWriteItems') return [one(operation, body)];
  const actions = { Put: 'PutItem', Update: 'UpdateItem', Delete: 'DeleteItem',
                    ConditionCheck: 'ConditionCheckItem' };
  return body.TransactItems.flatMap((item) =>
    Object.entries(item).map(([kind, part]) => one(actions[kind], part)));
}

// A batch needs what a single one does.
const actionOf = (operation) => operation.replace(/Batch$/, '');

function ofSqs(operation, { QueueUrl, QueueName }) {
  const name = QueueName ?? QueueUrl.split('/').at(-1);
  return [{ action: `sqs:${actionOf(operation)}`, resource: queueArn(name) }];
}

function ofSns(form) {
  const resource =
    form.get('TopicArn') ?? form.get('SubscriptionArn') ?? topicArn(form.get('Name'));
  return [{ action: `sns:${actionOf(form.get('Action'))}`, resource }];
}

// What a request has to be allowed.
function needs(headers, body) {
  const [service, operation] = (headers['x-amz-target'] ?? '').split('.');
  if (service === 'AmazonSQS') return ofSqs(operation, JSON.parse(body));
  if (service) return ofDynamoDb(operation, JSON.parse(body));
  return ofSns(new URLSearchParams(body.toString()));
}

function refuse(response, { action, resource }) {
  const body = JSON.stringify({
    __type: 'com.amazon.coral.service#AccessDeniedException',
    Message: `not authorized to perform: ${action} on resource: ${resource}`,
  });
  response.writeHead(400, { 'Content-Type': 'application/x-amz-json-1.0' }).end(body);
}

function forward(from, body, response, server) {
  const headers = { ...from.headers, host: server.host };
  const onward = request(
    { host: server.hostname, port: server.port, method: from.method, path: from.url, headers },
    (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());  // nobody waits for its answer any more
  onward.end(body);
}

// `allowed` and `denied`: sets of actions that were asked for.
export async function startProxy(endpoint, policy) {
  const server = new URL(endpoint);
  const allowed = new Set();
  const denied = new Set();
  const listener = createServer(async (incoming, response) => {
    const parts = [];
    for await (const part of incoming) parts.push(part);
    const body = Buffer.concat(parts);
    const wanted = needs(incoming.headers, body);
    const missing = wanted.find((need) => !allows(policy, need));
    for (const need of wanted) (need === missing ? denied : allowed).add(need.action);
    if (missing) refuse(response, missing);
    else forward(incoming, body, response, server);
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${listener.address().port}`,
    allowed,
    denied,
    close: () => {
      listener.closeAllConnections();
      return new Promise((resolve) => listener.close(resolve));
    },
  };
}
