// What the public resource specification of CloudFormation has against a template.
import { createRequire } from 'node:module';

const specification =
  createRequire(import.meta.url)('@aws-cdk/cfnspec/spec/specification.json');

const PRIMITIVES = {
  String: (value) => typeof value === 'string' || isFunction(value),
  Integer: Number.isInteger,
  Long: Number.isInteger,
  Double: (value) => typeof value === 'number',
  Boolean: (value) => typeof value === 'boolean',
  Json: () => true,
};

// {"Ref": "SagaTable"}
function isFunction(value) {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 1 &&
    /^(Ref|Fn::\w+)$/.test(Object.keys(value)[0]);
}

function checkValue(problems, where, value, type, spec) {
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

const SECTIONS = ['AWSTemplateFormatVersion', 'Description', 'Resources', 'Outputs'];
const RESOURCE_PARTS = ['Type', 'DeletionPolicy', 'UpdateReplacePolicy', 'Properties'];

export function problemsOf(template) {
  const problems = [];
  for (const name of Object.keys(template)) {
    if (!SECTIONS.includes(name)) problems.push(`${name}: no such section`);
  }
  for (const [name, resource] of Object.entries(template.Resources)) {
    const spec = specification.ResourceTypes[resource.Type];
    if (!spec) return [...problems, `${name}: no such type`];
    for (const part of Object.keys(resource)) {
      if (!RESOURCE_PARTS.includes(part)) problems.push(`${name}.${part}: no such part`);
    }
    checkProperties(problems, name, resource.Properties, resource.Type, spec.Properties);
  }
  for (const [name, output] of Object.entries(template.Outputs)) {
    const attribute = output.Value['Fn::GetAtt'];
    const type = template.Resources[attribute?.[0] ?? output.Value.Ref]?.Type;
    if (attribute && !(attribute[1] in (specification.ResourceTypes[type]?.Attributes ?? {}))) {
      problems.push(`Outputs.${name}: no such attribute`);
    } else if (output.Value.Ref && !type) {
      problems.push(`Outputs.${name}: no such resource`);
    }
  }
  return problems;
}
