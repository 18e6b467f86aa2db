// print_hcl.mjs FILE...: the files of one Terraform configuration as JSON, by name. For checks that are not
// in JavaScript.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parse } from '@cdktf/hcl2json';

const files = {};
for (const path of process.argv.slice(2)) {
  files[basename(path)] = await parse(path, readFileSync(path, 'utf8'));
}
console.log(JSON.stringify(files));
