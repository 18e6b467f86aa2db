// A table in one form, whatever text or answer says what it is.
import assert from 'node:assert/strict';

const byRole = (keys) => [...keys].sort((a, b) => (a.KeyType < b.KeyType ? -1 : 1));

function units(throughput) {
  if (!throughput || !throughput.ReadCapacityUnits) return null;
  return [throughput.ReadCapacityUnits, throughput.WriteCapacityUnits];
}

// What CreateTable, DescribeTable and CloudFormation have in common.
function common(table) {
  const types = new Map(table.AttributeDefinitions.map((d) => [d.AttributeName, d.AttributeType]));
  assert.equal(types.size, table.AttributeDefinitions.length, 'an attribute is defined twice');
  const used = new Set();
  const keys = (schema) =>
    byRole(schema).map((key) => {
      used.add(key.AttributeName);
      return [key.KeyType, key.AttributeName, types.get(key.AttributeName)];
    });
  const form = {
    name: table.TableName,
    keys: keys(table.KeySchema),
    indexes: (table.GlobalSecondaryIndexes ?? []).map((index) => ({
      name: index.IndexName,
      keys: keys(index.KeySchema),
      projection: index.Projection.ProjectionType,
      units: units(index.ProvisionedThroughput),
    })),
    units: units(table.ProvisionedThroughput),
  };
  assert.deepEqual([...types.keys()].sort(), [...used].sort(), 'attributes of no key, or too few');
  return form;
}

export function ofRequests(requests) {
  const create = requests.CreateTable;
  for (const body of Object.values(requests)) assert.equal(body.TableName, create.TableName);
  const stream = create.StreamSpecification;
  assert.ok(!stream || stream.StreamEnabled);
  const ttl = requests.UpdateTimeToLive?.TimeToLiveSpecification;
  return {
    ...common(create),
    billing: create.BillingMode,
    stream: stream?.StreamViewType ?? null,
    protected: create.DeletionProtectionEnabled ?? false,
    ttl: ttl?.Enabled ? ttl.AttributeName : null,
    pitr: requests.UpdateContinuousBackups?.PointInTimeRecoverySpecification
      .PointInTimeRecoveryEnabled ?? false,
    shards: Number(requests.PutItem.Item.keyShards.N),
  };
}

export function ofTemplate(template) {
  const [[name, resource], ...more] = Object.entries(template.Resources);
  assert.deepEqual(more, []);
  assert.equal(name, 'SagaTable');
  assert.equal(resource.Type, 'AWS::DynamoDB::Table');
  // A stack that cannot be made takes its table along; none that is there loses it.
  assert.equal(resource.DeletionPolicy, 'RetainExceptOnCreate');
  assert.equal(resource.UpdateReplacePolicy, 'Retain');
  const table = resource.Properties;
  return {
    ...common(table),
    billing: table.BillingMode,
    stream: table.StreamSpecification?.StreamViewType ?? null,
    protected: table.DeletionProtectionEnabled ?? false,
    ttl: table.TimeToLiveSpecification?.Enabled
      ? table.TimeToLiveSpecification.AttributeName : null,
    pitr: table.PointInTimeRecoverySpecification?.PointInTimeRecoveryEnabled ?? false,
    shards: Number(template.Outputs.KeyShards?.Value ?? 1),
  };
}

export function ofTerraform(configuration) {
  const table = configuration.resource.aws_dynamodb_table.sagas[0];
  const types = new Map(table.attribute.map((attribute) => [attribute.name, attribute.type]));
  const keys = (block) => [['HASH', block.hash_key, types.get(block.hash_key)],
                           ['RANGE', block.range_key, types.get(block.range_key)]];
  const capacity = (block) =>
    block.read_capacity === undefined ? null : [block.read_capacity, block.write_capacity];
  assert.equal(types.size, table.attribute.length, 'an attribute is defined twice');
  return {
    name: table.name,
    keys: keys(table),
    indexes: (table.global_secondary_index ?? []).map((index) => ({
      name: index.name,
      keys: keys(index),
      projection: index.projection_type,
      units: capacity(index),
    })),
    units: capacity(table),
    billing: table.billing_mode,
    stream: table.stream_enabled ? table.stream_view_type : null,
    protected: table.deletion_protection_enabled ?? false,
    ttl: table.ttl?.[0].enabled ? table.ttl[0].attribute_name : null,
    pitr: table.point_in_time_recovery?.[0].enabled ?? false,
    shards: configuration.output.key_shards?.[0].value ?? 1,
  };
}

// Answers of the service. DynamoDB Local has no point-in-time recovery.
export function ofAnswers(table, timeToLive, record) {
  const ttl = timeToLive.TimeToLiveDescription;
  return {
    ...common(table),
    billing: table.BillingModeSummary?.BillingMode ?? 'PROVISIONED',
    stream: table.StreamSpecification?.StreamEnabled
      ? table.StreamSpecification.StreamViewType : null,
    protected: table.DeletionProtectionEnabled ?? false,
    ttl: ttl.TimeToLiveStatus === 'ENABLED' ? ttl.AttributeName : null,
    pitr: false,
    shards: Number(record.Item.keyShards.N),
  };
}
