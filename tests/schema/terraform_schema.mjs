// What the schemas of the provider have against a configuration: all files of it, as one.
import { readFileSync } from 'node:fs';

const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url)));
const table = read('aws_dynamodb_table.json');
const others = read('aws_stack_resources.json');
const RESOURCES = { ...others.resource, [table.resource]: table.schema };
const DATA = others.data;

const text = { type: 'string' };
const CONDITION = { block: { condition: { type: 'boolean' }, error_message: text } };
// Of every resource, whatever its provider is.
const META = {
  depends_on: { type: 'list' },
  for_each: { type: 'map' },
  lifecycle: { block: { prevent_destroy: { type: 'boolean' }, precondition: CONDITION } },
};
const VARIABLE = {
  type: text, description: text, default: { type: 'any' }, validation: CONDITION,
};
// The least version that takes an argument, or this value of it: from the provider's changelog.
const SINCE = [
  { type: 'aws_dynamodb_table', argument: 'deletion_protection_enabled', version: '4.60' },
  { type: 'aws_sqs_queue', argument: 'max_message_size', above: 262144, version: '6.8' },
];
const SECTIONS = ['terraform', 'resource', 'data', 'locals', 'variable', 'output'];

// What is an expression is known when it is applied; a number is made a text where one is wanted.
function fits(value, type) {
  if (typeof value === 'string' && value.startsWith('${')) return true;
  if (type === 'list') return Array.isArray(value);
  if (type === 'map') return typeof value === 'object' && !Array.isArray(value);
  if (type === 'string') return ['string', 'number'].includes(typeof value);
  return type === 'any' || typeof value === type;
}

function checkBlock(problems, where, block, names) {
  for (const [name, value] of Object.entries(block)) {
    const spec = names[name];
    const at = `${where}.${name}`;
    if (!spec || spec.computed) problems.push(`${at}: no such argument`);
    else if (!spec.block && !fits(value, spec.type)) problems.push(`${at}: no ${spec.type}`);
    else if (spec.block && !Array.isArray(value)) problems.push(`${at}: no block`);
    else if (spec.block) value.forEach((one) => checkBlock(problems, at, one, spec.block));
  }
  for (const [name, spec] of Object.entries(names)) {
    if (spec.required && !(name in block)) problems.push(`${where}.${name}: missing`);
  }
}

const isOlder = (one, other) => one.localeCompare(other, 'en', { numeric: true }) < 0;

function checkVersions(problems, { terraform, resource }) {
  const bound = /^>= ([\d.]+)$/.exec(terraform[0].required_providers[0].aws.version)?.[1];
  if (!bound) problems.push('terraform: no bound for the version of the provider');
  for (const { type, argument, above = -1, version } of bound ? SINCE : []) {
    for (const [name, [block]] of Object.entries(resource[type] ?? {})) {
      if (!(argument in block) || block[argument] <= above || !isOlder(bound, version)) continue;
      problems.push(`${type}.${name}.${argument}: wants a provider >= ${version}`);
    }
  }
}

function checkResources(problems, before, resources, schemas) {
  for (const [type, named] of Object.entries(resources)) {
    if (!schemas[type]) {
      problems.push(`${before}${type}: no such type, or none that is known here`);
      continue;
    }
    for (const [name, [block]] of Object.entries(named)) {
      checkBlock(problems, `${before}${type}.${name}`, block, { ...schemas[type], ...META });
    }
  }
}

// aws_sqs_queue.dead_letters[each.key].arn, data.aws_region.here.region, var.image, local.region
const REFERENCE = /(?<![\w.])(data\.)?(aws_\w+|var|local)\.(\w+)(?:\[[^\]]*\])?(?:\.(\w+))?/g;

function isThere({ resource = {}, data = {}, variable = {}, locals = [{}] }, reference) {
  const [, from, type, name, attribute] = reference;
  if (type === 'var') return name in variable;
  if (type === 'local') return locals.some((block) => name in block);
  if (!(from ? data : resource)[type]?.[name]) return false;
  return !attribute || attribute in ((from ? DATA : RESOURCES)[type] ?? {});
}

function checkReferences(problems, where, value, configuration) {
  if (typeof value === 'object' && value !== null) {
    for (const [name, part] of Object.entries(value)) {
      const at = Array.isArray(value) ? where : `${where}.${name}`;
      checkReferences(problems, at, part, configuration);
    }
  } else if (typeof value === 'string' && value.includes('${')) {
    for (const reference of value.matchAll(REFERENCE)) {
      if (!isThere(configuration, reference)) problems.push(`${where}: no such ${reference[0]}`);
    }
  }
}

export function problemsOf(configuration) {
  const problems = [];
  for (const [name, section] of Object.entries(configuration)) {
    if (!SECTIONS.includes(name)) problems.push(`${name}: unexpected`);
    checkReferences(problems, name, section, configuration);
  }
  checkVersions(problems, configuration);
  checkResources(problems, '', configuration.resource, RESOURCES);
  checkResources(problems, 'data.', configuration.data ?? {}, DATA);
  for (const [name, [block]] of Object.entries(configuration.variable ?? {})) {
    checkBlock(problems, `variable.${name}`, block, VARIABLE);
  }
  return problems;
}
