// The client of the release before linked sessions, in one browser with this one: a tab that has been open since before the deployment.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'vite';
import { call, shows, token, world } from './world.mjs';

const run = promisify(execFile);
const project = fileURLToPath(new URL('../..', import.meta.url));
/** The last commit whose client knows rotating sessions only. */
const OLD = 'f928fc0';
const REFRESH = '/auth/refresh';

/** Builds the test page with the client of that commit, and returns its folder. */
async function oldPage(sources, define) {
  const archive = join(sources, 'old.tar');
  // In a container, as in CI, the clone may belong to another user.
  const git = ['-c', 'safe.directory=*', 'archive', '--output', archive, OLD, 'web/src', 'web/e2e/page'];
  await run('git', git, { cwd: project }).catch(({ stderr }) => {
    throw new Error(`the client of ${OLD} cannot be built; if this clone has no history: git fetch --unshallow\n${stderr}`);
  });
  await run('tar', ['-xf', archive, '-C', sources]);
  await symlink(join(project, 'web/node_modules'), join(sources, 'web/node_modules'));
  const outDir = join(sources, 'built');
  await build({ configFile: false, logLevel: 'error', root: join(sources, 'web/e2e/page'), base: '/old/', define, build: { outDir, emptyOutDir: true } });
  return outDir;
}

let here, sources;
before(async () => {
  here = await world();
  sources = await mkdtemp(join(tmpdir(), 'kakao-login-old-'));
  here.served.set('old', await oldPage(sources, here.define));
});
after(async () => {
  await here?.stop();
  await rm(sources, { recursive: true });
});
beforeEach(() => here.way.heal());

const refresh = (tab) => tab.evaluate(() => window.auth.refresh().catch(() => null));
const isOut = (tab) => tab.evaluate(() => window.events.some(({ type }) => type === 'logged-out'));

/** Both refresh, by turns and at once, for several minutes. The new one is logged in throughout. */
async function renew(old, own, nickname) {
  for (let round = 0; round < 6; round++) {
    await here.pass(35);
    await refresh(round % 2 ? old : own);
    assert.ok(await refresh(own), `round ${round}`);
    await Promise.all([refresh(old), refresh(own)]);
    assert.deepEqual(await call(own), [200]);
    await shows(own, `Hello ${nickname}`);
  }
  assert.equal(await isOut(own), false);
}

test('a tab with the old client does not end the new one’s session', async () => {
  const profile = await here.profile();
  const own = await here.tab(profile);
  await here.logIn(own, await here.person('Ryan'));
  const old = await here.tab(profile, '/old/');
  await renew(old, own, 'Ryan');
  assert.ok(here.way.log.some(({ path, status, body }) => path === REFRESH && status === 403 && !JSON.parse(body).link), 'the old one was refused');
  await own.reload();
  await shows(own, 'Hello Ryan');
  await profile.close();
});

test('a session that began in the old client goes on in the new one', async () => {
  const profile = await here.profile();
  const old = await here.tab(profile, '/old/');
  await here.logIn(old, await here.person('Muzi'));
  await shows(old, 'Hello Muzi');
  const own = await here.tab(profile);
  await renew(old, own, 'Muzi');
  assert.equal(await isOut(old), false);
  assert.notEqual(await token(old), null);
  await profile.close();
});

test('a login in the old client, beside a session of the new one, is the session of both', async () => {
  const profile = await here.profile();
  const own = await here.tab(profile);
  const old = await here.tab(profile, '/old/');
  await here.logIn(own, await here.person('Apeach'));
  await shows(old, 'Hello Apeach');
  await here.logIn(old, await here.person('Neo'));
  await shows(own, 'Hello Neo');
  await renew(old, own, 'Neo');
  await profile.close();
});

test('a login in the new client, beside a session of the old one, is the session of both', async () => {
  const profile = await here.profile();
  const old = await here.tab(profile, '/old/');
  const own = await here.tab(profile);
  await here.logIn(old, await here.person('Tube'));
  await shows(own, 'Hello Tube');
  await here.logIn(own, await here.person('Frodo'));
  await shows(old, 'Hello Frodo');
  await renew(old, own, 'Frodo');
  await profile.close();
});
