// What IAM asks of who makes a request to DynamoDB, SQS, SNS or S3: actions, each with a resource.

const ACCOUNT = '000000000000';

export const tableArn = (table) =>
  table.startsWith('arn:') ? table : `arn:aws:dynamodb:us-east-1:${ACCOUNT}:table/${table}`;
export const queueArn = (queue) => `arn:aws:sqs:us-east-1:${ACCOUNT}:${queue}`;
export const topicArn = (topic) => `arn:aws:sns:us-east-1:${ACCOUNT}:${topic}`;
export const bucketArn = (bucket) => `arn:aws:s3:::${bucket}`;

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

// A listing is of no queue in particular.
function ofSqs(operation, { QueueUrl, QueueName }) {
  const name = QueueName ?? QueueUrl?.split('/').at(-1) ?? '*';
  return [{ action: `sqs:${actionOf(operation)}`, resource: queueArn(name) }];
}

// Of a subscription no resource is known: only who may do it to all may do it.
function ofSns(form) {
  const resource = form.get('SubscriptionArn')
    ? '*' : form.get('TopicArn') ?? topicArn(form.get('Name'));
  return [{ action: `sns:${actionOf(form.get('Action'))}`, resource }];
}

// By the path style, of buckets and objects.
function ofS3(method, path) {
  const [, bucket, key] = /^\/([^/]+)\/?(.*)$/.exec(decodeURIComponent(path.split('?')[0]));
  const of = { GET: 'Get', HEAD: 'Get', PUT: 'Put', DELETE: 'Delete' }[method];
  if (key) return [{ action: `s3:${of}Object`, resource: `${bucketArn(bucket)}/${key}` }];
  const ofBucket = { GET: 'ListBucket', HEAD: 'ListBucket', PUT: 'CreateBucket',
                     DELETE: 'DeleteBucket' }[method];
  return [{ action: `s3:${ofBucket}`, resource: bucketArn(bucket) }];
}

// Who signed for which service: "Credential=KEY/20260101/us-east-1/s3/aws4_request".
const serviceOf = (headers) => /Credential=[^,]*\/(\w+)\/aws4_request/.exec(headers.authorization)?.[1];

export function needsOf({ method, url, headers }, body) {
  const [target, operation] = (headers['x-amz-target'] ?? '').split('.');
  if (target === 'AmazonSQS') return ofSqs(operation, JSON.parse(body));
  if (target) return ofDynamoDb(operation, JSON.parse(body));
  if (serviceOf(headers) === 's3') return ofS3(method, url);
  return ofSns(new URLSearchParams(body.toString()));
}

// What S3 asks besides before it says that an object is not there: it is forbidden, else.
export function needsToMiss({ action, resource }) {
  if (action !== 's3:GetObject') return [];
  return [{ action: 's3:ListBucket', resource: resource.split('/')[0] }];
}
