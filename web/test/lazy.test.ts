/** Parts that are loaded later: before they are needed, and only then. */

import { beforeEach, expect, test, vi } from 'vitest';
import { API, scriptedApi, sessionOver } from './scripted.js';
import { kakao } from './log-in/kakao.js';

const loaded = new Set<string>();

function watch(...names: string[]) {
  for (const name of names) {
    vi.doMock(`../src/${name}.js`, async (original) => {
      loaded.add(name);
      return original();
    });
  }
}

beforeEach(() => {
  vi.resetModules();
  loaded.clear();
  watch('leave', 'logins', 'account', 'hints');
});

const options = { baseUrl: API, debug: false };
const quiet = () => new Promise((resolve) => setTimeout(resolve, 100));

test('a page whose user is logged in loads nothing more, until it asks for the sessions', async () => {
  const { createAuthClient } = await import('../src/index.js');
  localStorage.setItem('kakao-auth.session', 'first');
  const client = createAuthClient({ ...options, kakao, fetch: scriptedApi().fetch });
  expect(await client.start()).toMatchObject({ status: 'authenticated' });
  await client.refresh();
  await quiet();
  expect([...loaded]).toEqual([]);
  await client.sessions();
  expect(loaded).toContain('account');
  client.dispose();
});

test('a page with nobody logged in loads what a login needs before the click', async () => {
  const { createAuthClient } = await import('../src/index.js');
  const client = createAuthClient({ ...options, kakao, fetch: scriptedApi().fetch });
  await client.start();
  await expect.poll(() => [...loaded].sort()).toEqual(['leave', 'logins']);
  client.dispose();
});

test('the core loads what an exchange needs once nobody is logged in', async () => {
  const { createAuthClient } = await import('../src/entry-core.js');
  localStorage.setItem('kakao-auth.session', 'first');
  const api = scriptedApi();
  const client = createAuthClient({ ...options, fetch: api.fetch });
  await client.start();
  await quiet();
  expect([...loaded]).toEqual([]);
  api.instead.set('/auth/refresh', sessionOver);
  await client.refresh();
  await expect.poll(() => [...loaded]).toEqual(['logins']);
  client.dispose();
});

test('a part that cannot be loaded is like an API that cannot be reached, and the session stays', async () => {
  vi.doMock('../src/account.js', () => Promise.reject(new TypeError('Failed to fetch dynamically imported module')));
  const { createAuthClient } = await import('../src/index.js');
  localStorage.setItem('kakao-auth.session', 'first');
  const client = createAuthClient({ ...options, kakao, fetch: scriptedApi().fetch });
  await client.start();
  await expect(client.sessions()).rejects.toMatchObject({ code: 'unavailable', status: 0 });
  expect(client.getState()).toMatchObject({ status: 'authenticated', error: null });
  client.dispose();
});
