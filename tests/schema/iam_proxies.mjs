// iam_proxies.mjs POLICY ENDPOINT...: proxies before these endpoints, with the policy in that file. For
// programs in other languages: prints a line with their endpoints as JSON, and at the end of its input one
// with the actions that were asked for: {"allowed": [...], "denied": [...]}.
import { readFileSync } from 'node:fs';
import { startProxy } from './iam_proxy.mjs';

const [file, ...endpoints] = process.argv.slice(2);
const policy = JSON.parse(readFileSync(file, 'utf8'));
const proxies = await Promise.all(endpoints.map((endpoint) => startProxy(endpoint, policy)));
console.log(JSON.stringify(proxies.map((proxy) => proxy.endpoint)));
for await (const _ of process.stdin);
const all = (name) => [...new Set(proxies.flatMap((proxy) => [...proxy[name]]))].sort();
console.log(JSON.stringify({ allowed: all('allowed'), denied: all('denied') }));
process.exit();
