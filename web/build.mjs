/** Builds the library twice: as ES modules for bundlers and browsers, and as CommonJS for Jest and for servers that use `require`. */

import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const here = (path) => new URL(path, import.meta.url);
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync(here('dist'), { recursive: true, force: true });
for (const project of ['tsconfig.build.json', 'tsconfig.cjs.json']) {
  execFileSync(process.execPath, [tsc, '-p', project], { cwd: here('.'), stdio: 'inherit' });
}
// The package is of type "module"; these files are not.
writeFileSync(here('dist/cjs/package.json'), '{ "type": "commonjs" }\n');
