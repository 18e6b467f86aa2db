// What `sagabus schema` prints: four texts that say the same table, which is the one that
// `sagabus table create` makes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from '@cdktf/hcl2json';
import * as cdk from './cdk.mjs';
import * as cloudformation from './cloudformation_spec.mjs';
import { ofAnswers, ofRequests, ofTemplate, ofTerraform } from './normal_form.mjs';
import { call, newTableName, sagabus, sagabusAlone, storeOf } from './support.mjs';
import * as terraform from './terraform_schema.mjs';

const FLAGS = [
  [],
  ['--pitr', '--stream'],
  ['--lean', '--ttl-days', '7', '--deletion-protection'],
  ['--lean=keys-only', '--billing', 'provisioned:7,3', '--stream'],
  ['--billing', 'provisioned:2,9', '--ttl-days', 'off', '--shards', '8', '--pitr'],
];

// Each set of flags with its table, and its texts.
const TABLES = FLAGS.map((flags) => ({ flags, table: newTableName() }));

before(async () => {
  for (const one of TABLES) {
    const print = (form) => sagabusAlone(['schema', form, '--table', one.table, ...one.flags]);
    one.requests = JSON.parse(print('json'));
    one.template = JSON.parse(print('cloudformation'));
    one.cdk = print('cdk');
    one.configuration = await parse('table.tf', print('terraform'));
    one.form = ofRequests(one.requests);
  }
});

describe('the texts', () => {
  test('say the same table', () => {
    for (const { flags, template, configuration, form } of TABLES) {
      assert.deepEqual(ofTemplate(template), form, `cloudformation ${flags}`);
      assert.deepEqual(ofTerraform(configuration), form, `terraform ${flags}`);
    }
  });

  test('differ where the flags do', () => {
    const forms = TABLES.map(({ form }) => JSON.stringify({ ...form, name: '' }));
    assert.equal(new Set(forms).size, TABLES.length);
    assert.equal(TABLES[1].form.pitr, true);
    assert.equal(TABLES[1].form.stream, 'NEW_AND_OLD_IMAGES');
    assert.deepEqual(TABLES[2].form.indexes, []);
    assert.equal(TABLES[2].form.protected, true);
    assert.deepEqual(TABLES[3].form.indexes[0].units, [7, 3]);
    assert.deepEqual([TABLES[4].form.ttl, TABLES[4].form.shards], [null, 8]);
  });
});

describe('on DynamoDB Local', () => {
  async function drop({ table }) {
    const name = { TableName: table };
    await call('UpdateTable', { ...name, DeletionProtectionEnabled: false }).catch(() => {});
    await call('DeleteTable', name);
  }

  after(async () => {
    for (const one of TABLES) await drop(one).catch(() => {});
  });

  const onTable = (verb, { table, flags }) =>
    sagabus(['table', verb, '--store', storeOf(table), ...flags.filter((f) => f !== '--pitr')]);

  async function look({ table }) {
    const name = { TableName: table };
    const Key = { sagaName: { S: '$table' }, sagaId: { S: 'format' } };
    const { Table } = await call('DescribeTable', name);
    return ofAnswers(Table, await call('DescribeTimeToLive', name),
                     await call('GetItem', { ...name, Key }));
  }

  test('table create makes it', async () => {
    for (const one of TABLES) {
      onTable('create', one);
      assert.deepEqual(await look(one), { ...one.form, pitr: false }, one.flags);
      await drop(one);
    }
  });

  test('the requests make it, and table verify finds it right', async () => {
    for (const one of TABLES) {
      for (const [operation, body] of Object.entries(one.requests)) {
        if (operation !== 'UpdateContinuousBackups') await call(operation, body);
      }
      assert.deepEqual(await look(one), { ...one.form, pitr: false }, one.flags);
      onTable('verify', one);
    }
  });
});

describe('CloudFormation', () => {
  test('has every property', () => {
    for (const { template } of TABLES) assert.deepEqual(cloudformation.problemsOf(template), []);
  });

  test('would refuse others', () => {
    const refused = (spoil) => {
      const template = structuredClone(TABLES[3].template);
      spoil(template.Resources.SagaTable.Properties, template);
      return cloudformation.problemsOf(template);
    };
    assert.deepEqual(refused((table) => { table.TTL = {}; }), ['SagaTable.TTL: no such property']);
    assert.deepEqual(refused((table) => { delete table.KeySchema; }),
                     ['SagaTable.KeySchema: missing']);
    assert.deepEqual(refused((table) => { table.TableName = 7; }),
                     ['SagaTable.TableName: expected String']);
    assert.deepEqual(refused((table) => { table.GlobalSecondaryIndexes[0].Keys = []; }),
                     ['SagaTable.GlobalSecondaryIndexes[0].Keys: no such property']);
    assert.deepEqual(
      refused((table) => { table.ProvisionedThroughput.ReadCapacityUnits = '7'; }),
      ['SagaTable.ProvisionedThroughput.ReadCapacityUnits: expected Integer']);
    assert.deepEqual(
      refused((table) => { delete table.TimeToLiveSpecification.Enabled; }),
      ['SagaTable.TimeToLiveSpecification.Enabled: missing']);
    assert.deepEqual(
      refused((_, template) => { template.Outputs.TableArn.Value['Fn::GetAtt'][1] = 'ARN'; }),
      ['Outputs.TableArn: no such attribute: SagaTable.ARN']);
    assert.deepEqual(refused((_, template) => { template.Resources.SagaTable.Type = 'AWS::SQS::Table'; })[0],
                     'SagaTable: no such type: AWS::SQS::Table');
    assert.deepEqual(refused((_, template) => { template.Resources.SagaTable.DependsOn = ['Queue']; }),
                     ['SagaTable.DependsOn: no such name: Queue']);
    assert.deepEqual(refused((table) => { table.TableName = { Ref: 'Name' }; }),
                     ['SagaTable.TableName: no such name: Name']);
    assert.deepEqual(refused((table) => { table.TableName = { 'Fn::Sub': '${AWS::Region}-${Nam}' }; }),
                     ['SagaTable.TableName: no such name: Nam']);
  });
});

describe('the CDK', () => {
  test('compiles the constructs, and makes the same templates of them', async () => {
    const { problems, modules } = await cdk.compile(TABLES.map((one) => one.cdk));
    assert.deepEqual(problems, []);
    TABLES.forEach(({ template, flags }, i) => {
      const { Resources, Outputs } = cdk.synthesise(modules[i]);
      assert.deepEqual(ofTemplate({ Resources, Outputs }), ofTemplate(template), flags);
      assert.deepEqual({ Resources, Outputs },
                       { Resources: template.Resources, Outputs: template.Outputs }, flags);
    });
  });
});

describe('Terraform', () => {
  test('knows every argument', () => {
    for (const { configuration } of TABLES) {
      assert.deepEqual(terraform.problemsOf(configuration), []);
    }
  });

  test('would refuse others', () => {
    const refused = (spoil) => {
      const configuration = structuredClone(TABLES[1].configuration);
      spoil(configuration.resource.aws_dynamodb_table.sagas[0], configuration);
      return terraform.problemsOf(configuration);
    };
    assert.deepEqual(refused((table) => { table.sort_key = 'x'; }),
                     ['aws_dynamodb_table.sagas.sort_key: no such argument']);
    assert.deepEqual(refused((table) => { table.ttl[0].attribute = 'x'; }),
                     ['aws_dynamodb_table.sagas.ttl.attribute: no such argument']);
    assert.deepEqual(refused((table) => { table.stream_enabled = 'yes'; }),
                     ['aws_dynamodb_table.sagas.stream_enabled: no boolean']);
    assert.deepEqual(refused((table) => { delete table.global_secondary_index[0].hash_key; }),
                     ['aws_dynamodb_table.sagas.global_secondary_index.hash_key: missing']);
    assert.deepEqual(
      refused((_, all) => { all.output.table_arn[0].value = '${aws_dynamodb_table.sagas.ARN}'; }),
      ['output.table_arn.value: no such aws_dynamodb_table.sagas.ARN']);
  });

  test('would refuse an old provider', () => {
    const configuration = structuredClone(TABLES[2].configuration);
    const provider = configuration.terraform[0].required_providers[0].aws;
    provider.version = '>= 4.9';
    assert.deepEqual(terraform.problemsOf(configuration), [
      'aws_dynamodb_table.sagas.deletion_protection_enabled: wants a provider >= 4.60',
    ]);
    provider.version = '>= 5.0';
    assert.deepEqual(terraform.problemsOf(configuration), []);
    delete provider.version;
    assert.deepEqual(terraform.problemsOf(configuration),
                     ['terraform: no bound for the version of the provider']);
  });

  // scripts/checks/deploy.py reads it with its variables.
  test('would refuse a spoilt stack', async () => {
    const path = new URL('../../deploy/terraform/main.tf', import.meta.url);
    const stack = readFileSync(path, 'utf8');
    const refused = async (from, to) => {
      assert.ok(stack.includes(from), from);
      const found = terraform.problemsOf(await parse('main.tf', stack.replace(from, to)));
      return found.filter((problem) => !/no such var\.(?!cluste$)/.test(problem));
    };
    assert.deepEqual(await refused('fifo_queue ', 'fifo_queue '), []);
    assert.deepEqual(await refused('fifo_queue ', 'fifo_queuee '),
                     ['aws_sqs_queue.dead_letters.fifo_queuee: no such argument']);
    assert.deepEqual(await refused('    enable   = true', '    enabled  = true'),
                     ['aws_ecs_service.worker.deployment_circuit_breaker.enabled: no such argument',
                      'aws_ecs_service.worker.deployment_circuit_breaker.enable: missing']);
    assert.deepEqual(await refused('"aws_cloudwatch_log_group" "worker"', '"aws_log_group" "worker"'),
                     ['resource.aws_ecs_task_definition.worker.container_definitions: ' +
                        'no such aws_cloudwatch_log_group.worker.name',
                      'aws_log_group: no such type, or none that is known here']);
    assert.deepEqual(await refused('var.cluster', 'var.cluste'),
                     ['resource.aws_ecs_service.worker.cluster: no such var.cluste']);
    assert.deepEqual(await refused('data "aws_region" "here"', 'data "aws_regions" "here"'),
                     ['locals.region: no such data.aws_region.here.region',
                      'data.aws_regions: no such type, or none that is known here']);
  });
});

// scripts/checks/deploy.py gives it what lies in deploy/.
describe('Manifests', () => {
  const script = fileURLToPath(new URL('manifest_problems.mjs', import.meta.url));
  const refused = (kubernetes, compose) => {
    const input = JSON.stringify({ kubernetes: { k: kubernetes }, compose: { c: compose } });
    const ran = spawnSync(process.execPath, [script], { input, encoding: 'utf8' });
    assert.equal(ran.status, 0, ran.stderr);
    return JSON.parse(ran.stdout);
  };
  const deployment = (spec) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd' },
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: { spec: { containers: [{ name: 'c', readinessProbe: { periodSeconds: 60 } }] } },
      ...spec,
    },
  });
  const service = (more) => ({ services: { worker: { image: 'i', command: ['--create'], ...more } } });

  test('would be refused where they are spoilt', () => {
    assert.deepEqual(refused([deployment({ replicas: 2 })], service({ read_only: true })), []);
    const [spelling, ...others] = refused([deployment({ replicaz: 2 })], service({ read_onli: true }));
    assert.match(spelling, /^k: .*'"replicaz"' does not exist in type 'DeploymentSpec'/);
    assert.equal(others.length, 1);
    assert.match(others[0], /^c: \/services\/worker .*"read_onli"/);
    assert.match(refused([{ ...deployment({}), kind: 'Deploymentt' }], service({}))[0], /Deploymentt/);
    assert.match(refused([deployment({ replicas: 'two' })], service({}))[0], /not assignable to type 'number'/);
    assert.match(refused([{ ...deployment({}), apiVersion: 'apps/v7' }], service({}))[0], /apps\/v7/);
  });
});
