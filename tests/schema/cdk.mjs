// Compiles constructs for the CDK, and makes templates with them.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { App, Stack } from 'aws-cdk-lib';
import ts from 'typescript';

const here = fileURLToPath(new URL('.', import.meta.url));

// As a project of the CDK does, warnings about what is unused included.
const options = {
  strict: true,
  noUnusedLocals: true,
  noImplicitReturns: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: [],
  lib: ['lib.es2022.d.ts'],
};

function problems(program) {
  return ts.getPreEmitDiagnostics(program).map(
    (d) => `${d.file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(d.messageText, '\n')}`);
}

// The modules of these sources, and what the compiler had against them.
export async function compile(sources) {
  const folder = mkdtempSync(join(here, 'node_modules', '.compiled-'));  // it finds packages there
  try {
    const files = sources.map((source, i) => {
      const file = join(folder, `table${i}.mts`);
      writeFileSync(file, source);
      return file;
    });
    const program = ts.createProgram(files, options);
    const found = problems(program);
    if (found.length > 0) return { problems: found, modules: [] };
    program.emit();
    const modules = [];
    for (const file of files) {
      modules.push(await import(pathToFileURL(file.replace('.mts', '.mjs'))));
    }
    return { problems: [], modules };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// Names of resources and outputs without what the CDK adds to tell constructs apart.
function ownName(name) {
  return name.replace(/^SagaTable/, '').replace(/[0-9A-F]{8}$/, '');
}

// The template of a stack with this one construct, named as in the one that `sagabus schema`
// prints.
export function synthesise({ SagaTable }) {
  const app = new App({ analyticsReporting: false });
  const stack = new Stack(app, 'Stack');
  new SagaTable(stack, 'SagaTable');
  const { Resources, Outputs } = app.synth().getStackByName('Stack').template;
  const [[id, resource], ...more] = Object.entries(Resources);
  assert.deepEqual(more, []);
  resource.Properties.BillingMode ??= 'PROVISIONED';  // the default, which the CDK leaves out
  const outputs = JSON.parse(JSON.stringify(Outputs).replaceAll(`"${id}"`, '"SagaTable"'));
  return {
    Resources: { SagaTable: resource },
    Outputs: Object.fromEntries(
      Object.entries(outputs).map(([name, output]) => [ownName(name), output])),
  };
}
