// What `sagabus iam-policy` prints is enough, and not a bit too much.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { queueArn, startProxy, tableArn, topicArn } from './iam_proxy.mjs';
import {
  conformance, endpoint, newTableName, program, sagabus, sagabusAlone, start, storeOf,
} from './support.mjs';

const FIVE =
  ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query'].map((name) => `dynamodb:${name}`);

const runtimePolicy = (table) =>
  JSON.parse(sagabusAlone(['iam-policy', 'runtime', '--table-arn', tableArn(table)]));

function without(policy, action) {
  const less = structuredClone(policy);
  for (const statement of less.Statement) {
    statement.Action = statement.Action.filter((one) => one !== action);
  }
  return less;
}

// A table, and a proxy before it with that policy.
async function beside(policyOf, body) {
  const table = newTableName();
  sagabus(['table', 'create', '--store', storeOf(table)]);
  const proxy = await startProxy(endpoint(), policyOf(table));
  try {
    await body({ table, proxy, store: storeOf(table, proxy.endpoint) });
  } finally {
    await proxy.close();
    sagabus(['table', 'delete', '--yes', '--store', storeOf(table)]);
  }
}

// All of a program, or what it did until the first request was denied and a second later.
async function runUntilDenied(proxy, words) {
  const run = start(program(), words);
  let over = false;
  run.ended.then(() => (over = true));
  while (!over && proxy.denied.size === 0) await sleep(20);
  if (!over) await Promise.race([run.ended, sleep(1000)]);
  const finished = over;
  run.stop();
  return { finished, ...(await run.ended) };
}

const orderSaga = (store) => ['bench', '--store', store, '--sagas', '30', '--json'];

describe('the runtime policy', () => {
  test('is the five actions on the table and its indexes', () => {
    const { Statement, Version } = runtimePolicy('sagas');
    assert.equal(Version, '2012-10-17');
    assert.deepEqual(Statement, [{
      Sid: 'SagabusRuntime', Effect: 'Allow', Action: FIVE,
      Resource: [tableArn('sagas'), `${tableArn('sagas')}/index/*`],
    }]);
  });

  test('lets the order saga run to its end', () =>
    beside(runtimePolicy, async ({ store, proxy }) => {
      const ran = await runUntilDenied(proxy, orderSaga(store));
      assert.equal(ran.exit, 0, ran.text);
      assert.equal(JSON.parse(ran.text).sagas_completed, 30);
      assert.deepEqual([...proxy.denied], []);
      for (const action of proxy.allowed) assert.ok(FIVE.includes(action), action);
    }));

  for (const action of ['GetItem', 'PutItem', 'UpdateItem', 'Query']) {
    test(`lets nothing end well without ${action}`, () =>
      beside((table) => without(runtimePolicy(table), `dynamodb:${action}`),
             async ({ store, proxy }) => {
               const ran = await runUntilDenied(proxy, orderSaga(store));
               assert.ok(!ran.finished || ran.exit === 1, `${ran.exit}: ${ran.text}`);
               assert.deepEqual([...proxy.denied], [`dynamodb:${action}`]);
             }));
  }
});

// The conformance suite of a store or a transport, through a proxy with that policy.
async function runSuite(service, policy, filter) {
  const proxy = await startProxy(endpoint(service), policy);
  try {
    const run = start(conformance(service), [`--gtest_filter=${filter}`],
                      { [`SAGABUS_TEST_${service.toUpperCase()}_ENDPOINT`]: proxy.endpoint });
    return { ...(await run.ended), denied: [...proxy.denied], allowed: proxy.allowed };
  } finally {
    await proxy.close();
  }
}

// Whether a suite did all that it may, and nothing else.
function assertUsed(policy, allowed) {
  const printed = policy.Statement.flatMap((statement) => statement.Action);
  assert.deepEqual([...allowed].sort(), [...new Set(printed)].sort());
}

const together = (...policies) =>
  ({ ...policies[0], Statement: policies.flatMap((policy) => policy.Statement) });

describe('all that a store does', () => {
  const TABLES = 'arn:aws:dynamodb:*:*:table/conformance-*';
  const print = (...words) =>
    JSON.parse(sagabusAlone(['iam-policy', ...words, '--table-arn', TABLES]));
  const admin = print('admin', '--shards', '8');  // the suite makes its tables

  test('needs no more than is printed, and all of it', async () => {
    // Every operation of a store; not what repeats one of them very often.
    const filter = 'DynamoDb*/StoreConformance.*-*TwoHundred*:*Large*:*Keeps*:*Pages*:*Wins*:' +
      '*WritesBetween*:*AnyText*:*InstanceBack*';
    const { exit, text, denied, allowed } =
      await runSuite('dynamodb', together(print('runtime'), admin), filter);
    assert.deepEqual(denied, []);
    assert.equal(exit, 0, text);
    for (const action of FIVE) assert.ok(allowed.has(action), action);
  });

  // The order saga deletes nothing.
  test('fails without DeleteItem', async () => {
    const less = without(print('runtime'), 'dynamodb:DeleteItem');
    const { exit, denied } = await runSuite('dynamodb', together(less, admin),
                                            'DynamoDb/StoreConformance.EraseMayBeRepeated*');
    assert.deepEqual([exit, denied], [1, ['dynamodb:DeleteItem']]);
  });
});

test('the admin policy is for all of sagabus table, and nothing else', async () => {
  const table = newTableName();
  const policy = JSON.parse(sagabusAlone(
    ['iam-policy', 'admin', '--table-arn', tableArn(table), '--shards', '4']));
  const proxy = await startProxy(endpoint(), policy);
  const run = async (exit, verb, ...flags) => {
    const words = ['table', verb, '--store', storeOf(table, proxy.endpoint), ...flags];
    const ran = await start(program(), words).ended;
    assert.equal(ran.exit, exit, `${verb} ${flags}: ${ran.text}`);
  };
  try {
    await run(0, 'create', '--shards', '4');
    // DynamoDB Local has no recovery.
    await run(1, 'create', '--shards', '4', '--stream', '--pitr');
    await run(0, 'verify', '--shards', '4', '--stream');
    await run(0, 'describe');
    await run(0, 'delete', '--yes');
    assert.deepEqual([...proxy.denied], []);
    assertUsed(policy, proxy.allowed);
  } finally {
    await proxy.close();
  }
});

describe('all that the transport does', () => {
  const print = (...words) => JSON.parse(
    sagabusAlone(['iam-policy', 'sqs', '--queue-arn', queueArn('conformance'), ...words]));
  const CREATING = ['--create-queues'];
  const TOPICS = [...CREATING, '--topic-arn', topicArn('conformance')];

  test('needs no more than is printed', async () => {
    const policy = print(...CREATING);
    const suite =
      'SqsFifo/*MessagesOfOneKey*:SqsFifo/*GivenBackComesBefore*:SqsFifo/*UncertainStays*';
    const { exit, text, denied, allowed } = await runSuite('sqs', policy, suite);
    assert.deepEqual(denied, []);
    assert.equal(exit, 0, text);
    assertUsed(policy, allowed);
  });

  test('needs more with topics', async () => {
    const suite = 'SqsTopics/*ReachesEverySubscriberOnce*:SqsTopics/*SubscribingAgain*';
    const { exit, text, denied } = await runSuite('sqs', print(...TOPICS), suite);
    assert.deepEqual(denied, []);
    assert.equal(exit, 0, text);
    const less = await runSuite('sqs', print(...CREATING), suite);
    assert.equal(less.exit, 1);
    assert.match(less.denied[0], /^sns:/);
  });
});

describe('other policies', () => {
  const print = (...words) => JSON.parse(sagabusAlone(['iam-policy', ...words])).Statement;
  const actions = (statements) =>
    Object.fromEntries(statements.map(({ Sid, Action, Resource }) => [Sid, [Action, Resource]]));
  const QUEUES = 'arn:aws:sqs:eu-central-1:123456789012:shop';
  const TOPICS = 'arn:aws:sns:eu-central-1:123456789012:shop';

  test('allow ctx.transact what it writes to and checks', () => {
    const stock = tableArn('stock');
    assert.deepEqual(actions(print('runtime', '--transact-table-arn', stock, '--table-arn',
                                   tableArn('a'), tableArn('b'))), {
      SagabusRuntime: [FIVE, ['a', 'b'].flatMap((t) => [tableArn(t), `${tableArn(t)}/index/*`])],
      SagabusTransact: [['PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'].map(
        (action) => `dynamodb:${action}`), stock],
    });
  });

  test('allow to scan only where there are key shards', () => {
    const mayScan = (...words) =>
      JSON.stringify(print('admin', ...words)).includes('dynamodb:Scan');
    assert.deepEqual([mayScan(), mayScan('--shards', '1'), mayScan('--shards', '2')],
                     [false, false, true]);
  });

  test('allow to read streams, and nothing of the table', () => {
    assert.deepEqual(actions(print('stream')), {
      SagabusStream: [['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'].map(
        (action) => `dynamodb:${action}`), 'arn:aws:dynamodb:*:*:table/sagas/stream/*'],
    });
  });

  test('allow queues, and what flags ask for beside them', () => {
    const sqs = (...names) => names.map((name) => `sqs:${name}`);
    const SagabusQueues = [
      sqs('SendMessage', 'ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility',
          'GetQueueUrl', 'GetQueueAttributes'), `${QUEUES}-*`];
    assert.deepEqual(actions(print('sqs', '--queue-arn', QUEUES)), { SagabusQueues });
    assert.deepEqual(actions(print('sqs', '--queue-arn', QUEUES, '--create-queues')), {
      SagabusQueues,
      SagabusCreateQueues: ['sqs:CreateQueue', `${QUEUES}-*`],
    });
    assert.deepEqual(actions(print('sqs', '--queue-arn', QUEUES, '--topic-arn', TOPICS)), {
      SagabusQueues,
      SagabusTopics: ['sns:Publish', `${TOPICS}-*`],
    });
    assert.deepEqual(
      actions(print('sqs', '--queue-arn', QUEUES, '--topic-arn', TOPICS, '--create-queues')), {
        SagabusQueues,
        SagabusCreateQueues: [sqs('CreateQueue', 'SetQueueAttributes'), `${QUEUES}-*`],
        SagabusTopics: ['sns:Publish', `${TOPICS}-*`],
        SagabusCreateTopics: [
          ['CreateTopic', 'Subscribe', 'GetTopicAttributes', 'ListSubscriptionsByTopic'].map(
            (action) => `sns:${action}`), `${TOPICS}-*`],
        SagabusSubscriptions: [['sns:GetSubscriptionAttributes', 'sns:Unsubscribe'], '*'],
      });
    assert.deepEqual(
      actions(print('sqs', '--queue-arn', 'arn:aws:sqs:*:*:*',
                    '--claims-arn', 'arn:aws:s3:::shop-messages/claims')), {
        SagabusQueues: [SagabusQueues[0], 'arn:aws:sqs:*:*:*'],
        SagabusClaims: [['s3:PutObject', 's3:GetObject'], 'arn:aws:s3:::shop-messages/claims/*'],
        SagabusClaimsBucket: ['s3:ListBucket', 'arn:aws:s3:::shop-messages'],
      });
  });
});
