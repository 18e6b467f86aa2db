// stack_problems.mjs: reads {"templates": {NAME: TEMPLATE}, "terraform": {FILE: CONFIGURATION}}, of
// CloudFormation in its long form and of one Terraform configuration; prints a JSON list of what their
// services have against them. For checks that are not in JavaScript.
import { readFileSync } from 'node:fs';
import * as cloudformation from './cloudformation_spec.mjs';
import * as terraform from './terraform_schema.mjs';

const { templates, terraform: files } = JSON.parse(readFileSync(0, 'utf8'));

// The sections of all files, as Terraform takes them.
const configuration = {};
for (const sections of Object.values(files)) {
  for (const [name, section] of Object.entries(sections)) {
    configuration[name] = Array.isArray(section)
      ? [...(configuration[name] ?? []), ...section]
      : merge(configuration[name] ?? {}, section);
  }
}

// Resources of one type may stand in several files.
function merge(one, other) {
  const out = { ...one };
  for (const [name, part] of Object.entries(other)) {
    out[name] = Array.isArray(part) ? part : { ...out[name], ...part };
  }
  return out;
}

const problems = terraform.problemsOf(configuration).map((problem) => `terraform: ${problem}`);
for (const [name, template] of Object.entries(templates)) {
  problems.push(...cloudformation.problemsOf(template).map((problem) => `${name}: ${problem}`));
}
console.log(JSON.stringify(problems));
