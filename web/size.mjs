/** Measures what the library adds to a page, minified and gzipped: each entry, and what it loads later. Fails above a limit. */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

const dist = new URL('dist/', import.meta.url).pathname;

/** What a page downloads at once, by the entries that it imports. */
const LIMITS = {
  'index and react': 6_144,
  'entry-core': 5_120,
  button: 1_152,
  'in-app': 640,
  native: 1_024,
  server: 512,
  testing: 1_664,
};
/** Chunks that are loaded later. */
const LATER = { logins: 1_024, leave: 1_024, account: 640, hints: 1_024 };
/** All chunks of a page that imports `index` and `react` and that calls everything, without hints. */
const SUM = 8_704;

/** The sizes of the first chunk and of the ones that it loads later, by name. What an entry shares with `index` counts once. */
async function sizes(entries) {
  const input = 'virtual:page';
  const code = entries.map((name) => `export * from '${dist}${name}.js';`).join('\n');
  const bundle = await rolldown({
    input,
    external: /^react/,
    // It warns of 'use client'.
    logLevel: 'silent',
    preserveEntrySignatures: 'allow-extension',
    transform: { target: 'es2020' },
    plugins: [{ name: 'page', resolveId: (id) => (id === input ? id : null), load: (id) => (id === input ? code : null) }],
  });
  const { output } = await bundle.generate({ minify: true, format: 'es' });
  const entry = output.find(({ isEntry }) => isEntry);
  return Object.fromEntries(output.map((chunk) => [chunk === entry ? 'first' : chunk.name, gzipSync(chunk.code, { level: 9 }).length]));
}

let isTooLarge = false;
function report(what, bytes, limit) {
  isTooLarge ||= bytes > limit;
  console.log(`${what}: ${bytes} bytes gzipped, of ${limit}${bytes > limit ? ' TOO LARGE' : ''}`);
}

const { exports } = JSON.parse(readFileSync(new URL('package.json', import.meta.url)));
const exported = Object.values(exports).map(({ default: file }) => basename(file.default ?? file, '.js'));
for (const name of exported) {
  const what = Object.keys(LIMITS).find((entries) => entries.split(' and ').includes(name));
  // The entries that a page imports together are measured together.
  if (!what) throw new Error(`${name} has no limit`);
  if (what.startsWith(name)) report(what, (await sizes(what.split(' and '))).first, LIMITS[what]);
}
const { first, hints, ...later } = await sizes(['index', 'react']);
for (const [name, bytes] of Object.entries({ ...later, hints })) report(`later, ${name}`, bytes, LATER[name] ?? 0);
report('everything that a page can load', Object.values(later).reduce((sum, bytes) => sum + bytes, first), SUM);
if (isTooLarge) process.exit(1);
