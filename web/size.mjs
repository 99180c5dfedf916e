/** Measures what the library adds to an app: core and React binding, minified and gzipped. Fails above the limit. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const LIMIT = 6_144;

async function size(name, code) {
  const entry = `virtual:${name}`;
  const outDir = await mkdtemp(join(tmpdir(), 'kakao-login-web-'));
  const { output } = await build({
    configFile: false,
    logLevel: 'error',
    plugins: [{ name, resolveId: (id) => (id === entry ? id : null), load: (id) => (id === entry ? code : null) }],
    build: {
      outDir,
      write: false,
      minify: true,
      target: 'es2020',
      modulePreload: false,
      rolldownOptions: { input: entry, external: [/^react/], preserveEntrySignatures: 'strict', output: { minify: true } },
    },
  });
  await rm(outDir, { recursive: true });
  return gzipSync(output[0].code, { level: 9 }).length;
}

const dist = new URL('dist', import.meta.url).pathname;
const core = `export * from '${dist}/index.js';`;
const sizes = { core: await size('core', core), 'core and React binding': await size('all', `${core}export * from '${dist}/react.js';`) };
for (const [what, bytes] of Object.entries(sizes)) console.log(`${what}: ${bytes} bytes gzipped, of ${LIMIT}`);
if (Object.values(sizes).some((bytes) => bytes > LIMIT)) process.exit(1);
