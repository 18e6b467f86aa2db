// Stands between a program and DynamoDB, SQS, SNS and S3, and asks a policy about each request as IAM
// would.
import { createServer, request } from 'node:http';
import { needsOf, needsToMiss } from './iam_needs.mjs';
import { allows, checkPolicy } from './iam_policy.mjs';

// In the words of the service.
function refuse(response, { action, resource }) {
  const text = `not authorized to perform: ${action} on resource: ${resource}`;
  const answer = (status, type, body) =>
    response.writeHead(status, { 'Content-Type': type }).end(body);
  if (action.startsWith('s3:')) {
    return answer(403, 'application/xml',
                  `<Error><Code>AccessDenied</Code><Message>${text}</Message></Error>`);
  }
  if (action.startsWith('sns:')) {
    return answer(403, 'text/xml', '<ErrorResponse><Error><Type>Sender</Type>' +
      `<Code>AuthorizationError</Code><Message>${text}</Message></Error></ErrorResponse>`);
  }
  answer(400, 'application/x-amz-json-1.0', JSON.stringify({
    __type: 'com.amazon.coral.service#AccessDeniedException', Message: text }));
}

// `judge`: says what the status of an answer needs besides, or nothing.
function forward(from, body, response, server, judge) {
  const headers = { ...from.headers, host: server.host };
  const onward = request(
    { host: server.hostname, port: server.port, method: from.method, path: from.url, headers },
    (answer) => {
      const missing = judge(answer.statusCode);
      if (missing) {
        answer.resume();
        return refuse(response, missing);
      }
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());  // nobody waits for its answer any more
  onward.end(body);
}

// `allowed` and `denied`: sets of actions that were asked for. `denials`: how many requests were denied.
export async function startProxy(endpoint, policy) {
  checkPolicy(policy);
  const server = new URL(endpoint);
  const proxy = { allowed: new Set(), denied: new Set(), denials: 0 };
  const firstMissing = (needs) => {
    const missing = needs.find((need) => !allows(policy, need));
    for (const need of needs) (need === missing ? proxy.denied : proxy.allowed).add(need.action);
    if (missing) proxy.denials += 1;
    return missing;
  };
  const listener = createServer(async (incoming, response) => {
    const parts = [];
    for await (const part of incoming) parts.push(part);
    const body = Buffer.concat(parts);
    const needs = needsOf(incoming, body);
    const missing = firstMissing(needs);
    if (missing) return refuse(response, missing);
    forward(incoming, body, response, server, (status) =>
      status === 404 ? firstMissing(needs.flatMap(needsToMiss)) : undefined);
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return Object.assign(proxy, {
    endpoint: `http://127.0.0.1:${listener.address().port}`,
    close: () => {
      listener.closeAllConnections();
      return new Promise((resolve) => listener.close(resolve));
    },
  });
}
