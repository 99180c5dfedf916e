import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'vite';

const run = promisify(execFile);
const library = fileURLToPath(new URL('..', import.meta.url));

let app;
before(async () => (app = await mkdtemp(join(tmpdir(), 'kakao-login-app-'))));
after(() => rm(app, { recursive: true }));

const readme = await readFile(join(library, 'README.md'), 'utf8');

/** An app that is as strict as Vite's template. Beside its own page it has the README's first lines. */
const FILES = {
  'readme.tsx': `import { createRoot } from 'react-dom/client';\n${/```tsx\n([^]+?)```/.exec(readme)[1]}`,
  'index.html': '<!doctype html><div id="root"></div><script type="module" src="/main.tsx"></script>',
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      target: 'ES2022',
      module: 'ESNext',
      moduleResolution: 'bundler',
      lib: ['ES2022', 'DOM', 'DOM.Iterable'],
      types: [],
      jsx: 'react-jsx',
      strict: true,
      noEmit: true,
    },
    include: ['*.tsx'],
  }),
  'main.tsx': `
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { AuthError, createAuthClient, type AuthState, type User } from 'kakao-login-web';
import { AuthProvider, useAuth } from 'kakao-login-web/react';

const auth = createAuthClient({
  baseUrl: 'https://api.example.com',
  kakao: { clientId: 'REST API key', redirectUri: location.origin + '/callback' },
});
const name = (state: AuthState): User['nickname'] => (state.status === 'authenticated' ? state.user.nickname : null);

function App() {
  const { login, logout, ...state } = useAuth();
  if (state.error instanceof AuthError && state.error.code === 'denied') return <p>You said no at Kakao.</p>;
  if (state.status === 'authenticated') return <button onClick={() => void logout()}>Log {name(state)} out</button>;
  return <button disabled={state.status === 'unknown'} onClick={() => void login()}>Log in with Kakao</button>;
}
createRoot(document.getElementById('root')!).render(<StrictMode><AuthProvider client={auth}><App /></AuthProvider></StrictMode>);
`,
};

test('the packed library installs into a fresh Vite app, whose types check and which builds', async () => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', app], { cwd: library });
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[')));
  const files = packed.files.map(({ path }) => path);
  const expected = /^(dist\/(cjs\/)?[\w-]+\.(js|d\.ts)|dist\/cjs\/package\.json|LICENSE|package\.json|README\.md)$/;
  assert.deepEqual(files.filter((path) => !expected.test(path)), []);
  assert.ok(files.includes('LICENSE'));

  const { devDependencies } = JSON.parse(await readFile(join(library, 'package.json'), 'utf8'));
  const pick = (...names) => Object.fromEntries(names.map((name) => [name, devDependencies[name]]));
  const dependencies = {
    'kakao-login-web': `file:${packed.filename}`,
    ...pick('react', 'react-dom', '@types/react', '@types/react-dom', 'typescript', 'vite'),
  };
  await writeFile(join(app, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(app, name), text);

  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund'], { cwd: app });
  await run(join(app, 'node_modules/.bin/tsc'), [], { cwd: app }).catch((error) => assert.fail(error.stdout));
  await run(join(app, 'node_modules/.bin/vite'), ['build'], { cwd: app });
  assert.match(await readFile(join(app, 'dist/index.html'), 'utf8'), /assets\/index-.+\.js/);
});

const IN_PAGES = ['index', 'entry-core', 'react', 'button', 'in-app', 'native'].map((name) => `dist/${name}.js`);

test('the library is written in the JavaScript of 2020, which the oldest supported browsers read', async () => {
  const bundle = async (target) => {
    const [{ output }] = await build({
      configFile: false,
      logLevel: 'error',
      root: library,
      build: { write: false, minify: false, target, lib: { entry: IN_PAGES, formats: ['es'] }, rolldownOptions: { external: [/^react/] } },
    });
    return output.map(({ code }) => code).join('\n');
  };
  assert.equal(await bundle('es2020'), await bundle('esnext'), 'there is nothing to translate');
});

test('git installs the same library as the packed file', async () => {
  const read = async (path) => JSON.parse(await readFile(join(library, path), 'utf8'));
  const [packed, root] = [await read('package.json'), await read('../package.json')];
  for (const name of ['name', 'version', 'description', 'license', 'type', 'sideEffects', 'engines', 'peerDependencies', 'peerDependenciesMeta']) {
    assert.deepEqual(root[name], packed[name], name);
  }
  assert.deepEqual(root.exports, JSON.parse(JSON.stringify(packed.exports).replaceAll('./dist/', './web/dist/')));
  assert.equal(root.dependencies, undefined);
  for (const [name, version] of Object.entries(root.devDependencies)) assert.equal(version, packed.devDependencies[name], name);
  assert.equal(await readFile(join(library, 'LICENSE'), 'utf8'), await readFile(join(library, '../LICENSE'), 'utf8'));
});

test('client components say so in both builds, so that a server component can use them', async () => {
  for (const name of ['react', 'button']) {
    for (const folder of ['dist', 'dist/cjs']) assert.match(await readFile(join(library, folder, `${name}.js`), 'utf8'), /^("use strict";\n)?'use client';/);
  }
});

test('the library needs nothing at run time', async () => {
  const { dependencies, peerDependenciesMeta } = JSON.parse(await readFile(join(library, 'package.json'), 'utf8'));
  assert.equal(dependencies, undefined);
  assert.equal(peerDependenciesMeta.react.optional, true);
  // Without React in sight, in Node.
  for (const name of ['index', 'entry-core', 'in-app', 'native', 'server', 'testing']) {
    await run(process.execPath, ['--input-type=module', '-e', `await import('${join(library, `dist/${name}.js`)}')`], { cwd: app });
    await run(process.execPath, ['-e', `require('${join(library, `dist/cjs/${name}.js`)}')`], { cwd: app });
  }
});
