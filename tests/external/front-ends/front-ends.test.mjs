// Replays front ends that were written for Django, each as it is and with what the documentation says to set or to change: in Chromium,
// against the real API on another port.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build, world } from '../../../web/e2e/world.mjs';
import { KINDS, WORKS } from './kinds.mjs';
import { create as createServer } from './server.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));
const project = join(folder, '../../..');
const NICKNAME = 'Ryan';

/** The page of all kinds, for this API. */
async function builtPage(define) {
  const outDir = await mkdtemp(join(tmpdir(), 'kakao-login-front-ends-'));
  const alias = { axios: join(project, 'web/node_modules/axios') };
  await build({ configFile: false, logLevel: 'error', root: folder, base: '/kinds/', define, resolve: { alias }, build: { outDir, emptyOutDir: true } });
  return outDir;
}

const worlds = new Map();
const folders = [];
after(async () => {
  for (const here of worlds.values()) await (await here).stop();
  for (const made of folders) await rm(made, { recursive: true });
});

/** The stack with these settings, and the page in it. One for all runs that have the same. */
function stack(settings = {}) {
  const key = JSON.stringify(settings, (_, value) => (typeof value === 'function' ? String(value) : value));
  if (!worlds.has(key)) {
    const start = async () => {
      const here = await world((origin, api) => ({
        ACCESS_TTL: '20',
        ...(typeof settings === 'function' ? settings(api) : settings),
      }));
      const page = await builtPage(here.define);
      folders.push(page);
      here.served.set('kinds', page);
      return here;
    };
    worlds.set(key, start());
  }
  return worlds.get(key);
}

const control = async (here, what, body) => {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${JSON.parse(here.define.KAKAO)}/control/${what}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return response.json();
};

/** A front end in a tab, or the one of a server: each of its functions, as the test calls it. */
async function started(kind, here, isChanged) {
  if (kind.name === 'server') {
    const server = createServer({ api: here.api, isChanged });
    return { ...server, reload: async () => {}, close: async () => {} };
  }
  const profile = await here.profile();
  const tab = await here.tab(profile, `/kinds/?kind=${kind.name}${isChanged ? '&changed' : ''}`);
  const ask = (name) => (given) => tab.evaluate(([name, given]) => window.frontEnd[name](given), [name, given]);
  return {
    call: () => tab.evaluate(() => window.frontEnd.call()),
    who: ask('who'),
    refreshToken: ask('refreshToken'),
    logOut: async () => void (await tab.evaluate(async () => void (await window.frontEnd.logOut()))),
    /** By the front end's own code, or by its link and Kakao's page. */
    async logIn(credentials) {
      const link = await tab.evaluate(() => window.frontEnd.loginLink?.());
      if (!link) return ask('logIn')(credentials);
      const response = await tab.goto(link);
      // The API sends the browser on to Kakao, or has no such path.
      if (response.status() !== 200) throw new Error(`${response.status()}`);
      await tab.locator('button.person', { hasText: NICKNAME }).first().click();
      await tab.waitForURL((url) => url.pathname === '/kinds/');
      return ask('who')();
    },
    reload: () => tab.reload(),
    close: () => profile.close(),
  };
}

/** One after the other, until one fails. `front` is the front end. */
const SCENES = {
  async logIn(front, here, person) {
    const { access_token: accessToken } = await control(here, 'tokens', { user: person });
    const { code } = await control(here, 'codes', { user: person, redirect_uri: `${here.origin}/callback` });
    assert.equal(await front.logIn({ accessToken, code, person }), NICKNAME);
  },
  async call(front) {
    assert.equal(await front.call(), 200);
  },
  async expired(front, here) {
    await here.pass(25);
    assert.equal(await front.call(), 200);
  },
  async together(front, here) {
    await here.pass(25);
    assert.deepEqual(await Promise.all([1, 2, 3, 4, 5].map(() => front.call())), [200, 200, 200, 200, 200]);
  },
  /** Longer apart than the rotation window, several times. */
  async later(front, here) {
    for (let round = 0; round < 3; round++) {
      await here.pass(40);
      assert.equal(await front.call(), 200, `round ${round}`);
    }
  },
  async reload(front, here) {
    await here.pass(25);
    await front.reload();
    assert.equal(await front.who(), NICKNAME);
  },
  async logOut(front, here) {
    const token = await front.refreshToken();
    await front.logOut();
    await here.pass(25);
    assert.equal(await front.call(), 401);
    if (!token) return;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ refresh: token });
    const response = await fetch(`${here.api}/dj-rest-auth/token/refresh/`, { method: 'POST', headers, body });
    assert.equal(response.status, 401, 'the token of the session that was logged out');
  },
};

/** How far it gets. */
async function replayed(kind, { settings, isChanged }) {
  const here = await stack(settings);
  const person = (await control(here, 'users', { nickname: NICKNAME })).name;
  const front = await started(kind, here, isChanged);
  try {
    for (const [name, scene] of Object.entries(SCENES)) {
      const failed = await scene(front, here, person).then(() => null, (error) => error);
      if (failed) return { end: name, failed };
    }
    return { end: WORKS };
  } finally {
    await front.close();
  }
}

const told = ({ settings, isChanged }) =>
  [isChanged ? 'changed' : 'as it is', ...(settings ? [typeof settings === 'function' ? 'with CallbackUri' : `with ${Object.entries(settings).map((pair) => pair.join('=')).join()}`] : [])].join(', ');

for (const kind of KINDS) {
  for (const run of kind.runs) {
    test(`${kind.name}, ${told(run)}: ${run.expect === WORKS ? WORKS : `fails at ${run.expect}`}`, async () => {
      const { end, failed } = await replayed(kind, run);
      assert.equal(end, run.expect, failed?.stack);
    });
  }
}

test('the documentation has a row for each kind', async () => {
  const page = await readFile(join(project, 'docs/migrating-from-django.md'), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('|'));
  for (const { name, does, seen, here, todo } of KINDS) {
    const row = `| ${does} | ${seen} | ${here} | ${todo} |`;
    assert.ok(rows.includes(row), `${name}: ${row}`);
  }
});
