// `npm install git+…`: npm builds the library from the repository's sources, by its root package.json.

import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { command } from './here.mjs';

const project = fileURLToPath(new URL('../../..', import.meta.url));
/** In a container, as in CI, a clone may belong to another user. */
const GIT = ['-c', 'safe.directory=*', '-c', 'user.name=test', '-c', 'user.email=test@example.com'];

let folder;
before(async () => (folder = await mkdtemp(join(tmpdir(), 'kakao-login-git-'))));
after(() => rm(folder, { recursive: true }));

/** A repository of what is in this one's folder now, whether it is committed or not. */
async function repository() {
  const listed = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', 'package.json', '.gitignore', 'LICENSE', 'web'];
  const { stdout } = await command(project, 'git', [...GIT, ...listed]);
  const copy = join(folder, 'repository');
  for (const path of stdout.split('\0').filter(Boolean)) {
    await mkdir(dirname(join(copy, path)), { recursive: true });
    await cp(join(project, path), join(copy, path)).catch(({ code }) => assert.equal(code, 'ENOENT', path));
  }
  for (const step of [['init', '-q'], ['add', '.'], ['commit', '-qm', 'test']]) await command(copy, 'git', [...GIT, ...step]);
  return copy;
}

test('one line installs the library from git, as ES modules and as CommonJS, with types and the licence', async () => {
  const app = join(folder, 'app');
  await mkdir(app);
  await writeFile(join(app, 'package.json'), '{ "private": true }');
  await command(app, 'npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `git+file://${await repository()}`]);

  const library = join(app, 'node_modules/kakao-login-web');
  assert.match(await readFile(join(library, 'LICENSE'), 'utf8'), /MIT License/);
  const { exports } = JSON.parse(await readFile(join(library, 'package.json'), 'utf8'));
  const names = Object.keys(exports).map((name) => name.replace('.', 'kakao-login-web'));
  // Of React's there is none here.
  const plain = names.filter((name) => !/react|button/.test(name));
  assert.equal(names.length - plain.length, 2);
  for (const name of plain) {
    await command(app, process.execPath, ['--input-type=module', '-e', `await import('${name}')`]);
    await command(app, process.execPath, ['-e', `require('${name}')`]);
  }
  for (const { require: commonjs, default: modules } of Object.values(exports)) {
    for (const path of [...Object.values(commonjs), ...Object.values(modules)]) await readFile(join(library, path));
  }
});
