// What `sagabus iam-policy` prints is enough, and not a bit too much.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bucketArn, queueArn, tableArn, topicArn } from './iam_needs.mjs';
import { actionsOf, allows, checkPolicy, without } from './iam_policy.mjs';
import { startProxy } from './iam_proxy.mjs';
import {
  conformance, endpoint, newTableName, program, required, sagabus, sagabusAlone, start, storeOf,
} from './support.mjs';

const FIVE =
  ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query'].map((name) => `dynamodb:${name}`);

const runtimePolicy = (table) =>
  JSON.parse(sagabusAlone(['iam-policy', 'runtime', '--table-arn', tableArn(table)]));

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

// What is denied something may try again for ever. With all rights these programs take a second.
const PATIENCE = 5000;

// What a program came to; where it takes too long, it is killed.
async function runFor(milliseconds, words, of = program(), environment = {}) {
  const run = start(of, words, environment);
  const timer = setTimeout(run.stop, milliseconds);
  const ended = await run.ended;
  clearTimeout(timer);
  return ended;
}

const assertFailed = ({ exit, text }) =>
  assert.ok([1, 'SIGKILL'].includes(exit), `${exit}: ${text}`);

const orderSaga = (store) => ['bench', '--store', store, '--sagas', '30', '--json'];

describe('the runtime policy', { concurrency: true }, () => {
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
      const ran = await runFor(10 * PATIENCE, orderSaga(store));
      assert.equal(ran.exit, 0, ran.text);
      assert.equal(JSON.parse(ran.text).sagas_completed, 30);
      assert.deepEqual([...proxy.denied], []);
      for (const action of proxy.allowed) assert.ok(FIVE.includes(action), action);
    }));

  for (const action of ['GetItem', 'PutItem', 'UpdateItem', 'Query']) {
    test(`lets nothing end well without ${action}`, () =>
      beside((table) => without(runtimePolicy(table), `dynamodb:${action}`),
             async ({ store, proxy }) => {
               const ran = await runFor(PATIENCE, orderSaga(store));
               assertFailed(ran);
               assert.deepEqual([...proxy.denied], [`dynamodb:${action}`]);
             }));
  }
});

// Tests of a store or a transport, through a proxy with that policy: by default its conformance suite.
async function runSuite(service, policy, filter, { tests = conformance(service), patience } = {}) {
  const proxy = await startProxy(endpoint(service), policy);
  try {
    const environment = { [`SAGABUS_TEST_${service.toUpperCase()}_ENDPOINT`]: proxy.endpoint };
    const ran = await runFor(patience ?? 20 * PATIENCE, [`--gtest_filter=${filter}`], tests, environment);
    return { ...ran, denied: [...proxy.denied], allowed: proxy.allowed };
  } finally {
    await proxy.close();
  }
}

// Whether a suite did all that it may, and nothing else.
function assertUsed(policy, allowed) {
  assert.deepEqual([...allowed].sort(), actionsOf(policy));
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

describe('all that the transport does', { concurrency: true }, () => {
  const print = (...words) => JSON.parse(sagabusAlone(
    ['iam-policy', 'sqs', '--queue-arn', queueArn('conformance'), queueArn('t*'), ...words]));
  const CREATING = ['--create-queues'];
  const TOPICS = [...CREATING, '--topic-arn', topicArn('conformance'), topicArn('t*')];
  const queues =
    'SqsFifo/*MessagesOfOneKey*:SqsFifo/*GivenBackComesBefore*:SqsFifo/*UncertainStays*';

  test('needs no more than is printed', async () => {
    const policy = print(...CREATING);
    const { exit, text, denied, allowed } = await runSuite('sqs', policy, queues);
    assert.deepEqual(denied, []);
    assert.equal(exit, 0, text);
    assertUsed(policy, allowed);
  });

  for (const action of actionsOf(print(...CREATING))) {
    test(`fails without ${action}`, async () => {
      const policy = without(print(...CREATING), action);
      const { exit, denied } = await runSuite('sqs', policy, 'SqsFifo/*GivenBackComesBefore*');
      assert.deepEqual([exit, denied], [1, [action]]);
    });
  }

  test('needs more with topics, and all of it', async () => {
    const policy = print(...TOPICS);
    const suite = 'SqsTopics/*ReachesEverySubscriberOnce*:SqsTopics/*SubscribingAgain*';
    const ran = await runSuite('sqs', policy, `${suite}:${queues}`);
    // Subscriptions are looked at where one that is there differs.
    const more = await runSuite('sqs', policy, 'SqsTopic.ThatDiffersIsUsedAndSaid',
                                { tests: required('SAGABUS_SQS_TESTS') });
    assert.deepEqual([...ran.denied, ...more.denied], []);
    assert.deepEqual([ran.exit, more.exit], [0, 0], ran.text + more.text);
    assertUsed(policy, new Set([...ran.allowed, ...more.allowed]));
    const less = await runSuite('sqs', print(...CREATING), suite);
    assert.equal(less.exit, 1);
    assert.match(less.denied[0], /^sns:/);
  });
});

describe('all that claims do', { concurrency: true }, () => {
  const printed = JSON.parse(sagabusAlone(
    ['iam-policy', 'sqs', '--queue-arn', queueArn('t*'), '--create-queues',
     '--claims-arn', bucketArn('test-*/claims')]));
  const ofTheBucket = actionsOf(printed).filter((action) => action.startsWith('s3:'));
  const own = { Effect: 'Allow', Action: ['s3:CreateBucket', 's3:DeleteObject'],
                Resource: [bucketArn('test-*')] };  // for the tests themselves
  const run = (policy, filter, patience) =>
    runSuite('sqs', together(policy, { Statement: [own] }), filter,
             { tests: required('SAGABUS_S3_TESTS'), patience });
  const GONE = 'Stores/SqsClaims.WhosePayloadIsGone*/S3';

  test('needs no more than is printed, and all of it', async () => {
    const ran = await run(printed, `${GONE}:Stores/SqsClaims.ALargeMessageTravels*/S3`);
    assert.deepEqual(ran.denied, []);
    assert.equal(ran.exit, 0, ran.text);
    assert.deepEqual(ofTheBucket.filter((action) => !ran.allowed.has(action)), []);
  });

  for (const action of ofTheBucket) {
    test(`fails without ${action}`, async () => {
      const ran = await run(without(printed, action), GONE, PATIENCE);
      assertFailed(ran);  // messages wait for payloads that cannot be fetched
      assert.deepEqual(ran.denied, [action]);
    });
  }
});

describe('the proxy', () => {
  test('denies what is asked of another table, index, queue, topic or bucket', () => {
    const allow = (Action, Resource) => ({ Statement: [{ Effect: 'Allow', Action, Resource }] });
    const of = (needs, policy) => needs.map((resource) => allows(policy, {
      action: policy.Statement[0].Action, resource }));
    const here = runtimePolicy('sagas').Statement[0].Resource;
    assert.deepEqual(
      of([tableArn('sagas'), tableArn('sagas2'), `${tableArn('sagas')}/index/a`,
          `${tableArn('sagas2')}/index/a`], allow('dynamodb:Query', here)),
      [true, false, true, false]);
    assert.deepEqual(
      of([queueArn('shop-a.fifo'), queueArn('shop'), queueArn('other-a.fifo'), topicArn('shop-a')],
         allow('sqs:SendMessage', queueArn('shop-*'))),
      [true, false, false, false]);
    assert.deepEqual(of([bucketArn('b/claims/x'), bucketArn('b/x'), bucketArn('c/claims/x')],
                        allow('s3:GetObject', bucketArn('b/claims/*'))), [true, false, false]);
    assert.deepEqual(of([queueArn('shop-a'), queueArn('shop-ab'), queueArn('shopxa')],
                        allow('sqs:SendMessage', queueArn('shop-?'))), [true, false, false]);
  });

  test('denies what a statement denies, whatever others allow', () => {
    const statement = (Effect, Resource) => ({ Effect, Action: 'sqs:*', Resource });
    const policy = { Statement: [statement('Allow', '*'), statement('Deny', queueArn('secret-*'))] };
    const may = (queue) => allows(policy, { action: 'sqs:SendMessage', resource: queueArn(queue) });
    assert.deepEqual([may('shop-a'), may('secret-a')], [true, false]);
  });

  test('takes no policy that it does not understand whole', () => {
    const spoilt = (more) => () => checkPolicy(
      { Statement: [{ Effect: 'Allow', Action: 'sqs:*', Resource: '*', ...more }] });
    assert.doesNotThrow(spoilt({}));
    assert.throws(spoilt({ Condition: {} }));
    assert.throws(spoilt({ Effect: 'allow' }));
    assert.throws(spoilt({ Resource: undefined }));
  });

  test('stands between programs and another table', () =>
    beside(() => runtimePolicy('another'), async ({ store, proxy }) => {
      const ran = await runFor(PATIENCE, orderSaga(store));
      assertFailed(ran);
      assert.deepEqual([...proxy.allowed], []);
    }));

  test('stands between programs and another queue, topic or bucket', async () => {
    const TESTS = {
      'sqs:GetQueueUrl': ['SqsFifo/*MessagesOfOneKey*', conformance('sqs')],
      's3:CreateBucket': ['Stores/SqsClaims.WhosePayloadIsGone*/S3', required('SAGABUS_S3_TESTS')],
    };
    const elsewhere = { Statement: [{ Effect: 'Allow', Action: '*', Resource: [
      queueArn('another-*'), topicArn('another-*'), bucketArn('another-*')] }] };
    for (const [action, [filter, tests]] of Object.entries(TESTS)) {
      const { exit, denied } = await runSuite('sqs', elsewhere, filter, { tests });
      assert.deepEqual([exit, denied], [1, [action]]);
    }
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
