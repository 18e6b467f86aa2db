// What the public resource specification of CloudFormation has against a template.
import { createRequire } from 'node:module';

const specification =
  createRequire(import.meta.url)('@aws-cdk/cfnspec/spec/specification.json');

const PRIMITIVES = {
  String: (value) => typeof value === 'string',
  Integer: Number.isInteger,
  Long: Number.isInteger,
  Double: (value) => typeof value === 'number',
  Boolean: (value) => typeof value === 'boolean',
  Json: () => true,
};

// {"Ref": "SagaTable"}: what it comes to is known when the stack is made.
function isFunction(value) {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 1 &&
    /^(Ref|Fn::\w+)$/.test(Object.keys(value)[0]);
}

function checkValue(problems, where, value, type, spec) {
  if (isFunction(value)) return;
  const item = (element, at) => checkValue(problems, at, element, type, {
    PrimitiveType: spec.PrimitiveItemType,
    Type: spec.ItemType,
  });
  if (spec.PrimitiveType) {
    const fits = PRIMITIVES[spec.PrimitiveType];
    if (!fits || !fits(value)) problems.push(`${where}: expected ${spec.PrimitiveType}`);
  } else if (spec.Type === 'List') {
    if (!Array.isArray(value)) problems.push(`${where}: expected a list`);
    else value.forEach((element, i) => item(element, `${where}[${i}]`));
  } else if (spec.Type === 'Map') {
    for (const [name, element] of Object.entries(value)) item(element, `${where}.${name}`);
  } else {
    const own = specification.PropertyTypes[`${type}.${spec.Type}`] ??
      specification.PropertyTypes[spec.Type];
    if (typeof value !== 'object') problems.push(`${where}: expected a ${spec.Type}`);
    else if (own.Properties) checkProperties(problems, where, value, type, own.Properties);
    else checkValue(problems, where, value, type, own);
  }
}

function checkProperties(problems, where, properties, type, specs) {
  for (const [name, value] of Object.entries(properties)) {
    if (specs[name]) checkValue(problems, `${where}.${name}`, value, type, specs[name]);
    else problems.push(`${where}.${name}: no such property`);
  }
  for (const [name, spec] of Object.entries(specs)) {
    if (spec.Required && !(name in properties)) problems.push(`${where}.${name}: missing`);
  }
}

const SECTIONS = ['AWSTemplateFormatVersion', 'Description', 'Parameters', 'Resources', 'Outputs'];
const RESOURCE_PARTS = ['Type', 'DependsOn', 'DeletionPolicy', 'UpdateReplacePolicy', 'Properties'];
const PARAMETER_PARTS = [
  'Type', 'Default', 'Description', 'AllowedPattern', 'AllowedValues', 'ConstraintDescription',
  'MaxLength', 'MaxValue', 'MinLength', 'MinValue', 'NoEcho',
];
const PSEUDO = /^AWS::(AccountId|Partition|Region|StackId|StackName|URLSuffix)$/;

function checkParts(problems, where, value, known) {
  for (const part of Object.keys(value)) {
    if (!known.includes(part)) problems.push(`${where}${part}: no such part`);
  }
}

const isName = (template, name) =>
  name in template.Resources || name in (template.Parameters ?? {}) || PSEUDO.test(name);

function isAttribute(template, [resource, attribute]) {
  const type = template.Resources[resource]?.Type;
  return attribute in (specification.ResourceTypes[type]?.Attributes ?? {});
}

// All that the functions in a value name.
function checkReferences(problems, where, value, template) {
  if (typeof value !== 'object' || value === null) return;
  if (typeof value.Ref === 'string' && !isName(template, value.Ref)) {
    problems.push(`${where}: no such name: ${value.Ref}`);
  }
  const attribute = value['Fn::GetAtt'];
  if (attribute && !isAttribute(template, attribute)) {
    problems.push(`${where}: no such attribute: ${attribute.join('.')}`);
  }
  for (const [, name] of String(value['Fn::Sub'] ?? '').matchAll(/\$\{([^}!]+)\}/g)) {
    const known = name.includes('.') ? isAttribute(template, name.split('.')) : isName(template, name);
    if (!known) problems.push(`${where}: no such name: ${name}`);
  }
  for (const [name, part] of Object.entries(value)) {
    checkReferences(problems, `${where}.${name}`, part, template);
  }
}

function checkResource(problems, name, resource, template) {
  const spec = specification.ResourceTypes[resource.Type];
  if (!spec) {
    problems.push(`${name}: no such type: ${resource.Type}`);
    return;
  }
  checkParts(problems, `${name}.`, resource, RESOURCE_PARTS);
  checkProperties(problems, name, resource.Properties, resource.Type, spec.Properties);
  checkReferences(problems, name, resource.Properties, template);
  for (const other of [resource.DependsOn ?? []].flat()) {
    if (!(other in template.Resources)) problems.push(`${name}.DependsOn: no such name: ${other}`);
  }
}

export function problemsOf(template) {
  const problems = [];
  checkParts(problems, '', template, SECTIONS);
  for (const [name, parameter] of Object.entries(template.Parameters ?? {})) {
    checkParts(problems, `${name}.`, parameter, PARAMETER_PARTS);
  }
  for (const [name, resource] of Object.entries(template.Resources)) {
    checkResource(problems, name, resource, template);
  }
  for (const [name, output] of Object.entries(template.Outputs ?? {})) {
    checkReferences(problems, `Outputs.${name}`, output.Value, template);
  }
  return problems;
}
