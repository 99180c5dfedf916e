// @vitest-environment node
import { beforeEach, expect, test, vi } from 'vitest';
import { createAuthClient } from '../../src/entry-core.js';
import { appStorage } from '../../src/native.js';
import { linkedApi, LOGIN, LOGOUT, REFRESH } from '../links/linked-api.js';
import { answer, networkError, page } from '../scripted.js';
import { disk, phone, withoutBrowser } from './phone.js';

const RYAN = { access_token: 'ryan' };
const MUZI = { access_token: 'muzi' };
const loggedIn = { status: 'authenticated', error: null };
/** What the API got, without the links. */
const sent = (api: ReturnType<typeof linkedApi>) => api.calls.map(({ path, body }) => [path, JSON.parse(body || '{}') as Record<string, unknown>] as const);

beforeEach(withoutBrowser);

async function loggedInPhone(api: ReturnType<typeof linkedApi>, stored = disk()) {
  const { client } = phone(api, stored);
  await client.exchange(RYAN);
  api.pass();
  api.calls.length = 0;
  return { client, stored };
}

test('with React Native’s globals only, a user logs in, calls, renews, starts the app again and logs out', async () => {
  const api = linkedApi();
  const { client, stored } = await loggedInPhone(api);
  expect((await client.fetch('/items')).status).toBe(200);
  expect(api.calls.pop()!.bearer).toBeTruthy();
  expect(await client.refresh()).toBeTruthy();
  expect((await client.sessions()).length).toBe(2);
  client.dispose();
  const { client: again } = phone(api, stored);
  expect(await again.start()).toMatchObject({ ...loggedIn, user: { pk: 'ryan' } });
  expect(await again.logout()).toBe(true);
  expect(api.chains.size).toBe(0);
  expect(stored.item).toBe(null);
});

test('the token is sent in the body and in no cookie, with the device at the login', async () => {
  const api = linkedApi();
  const { client } = phone(api, disk());
  await client.exchange(RYAN);
  api.pass();
  await client.refresh();
  await client.logout();
  const token = expect.stringMatching(/^session-1\..{110}$/) as string;
  expect(sent(api)).toMatchObject([
    [LOGIN, { ...RYAN, transport: 'body', device: { name: 'Galaxy S26', platform: 'Android' } }],
    [REFRESH, { refresh: token }],
    [LOGOUT, { refresh: token }],
  ]);
  expect(sent(api)[0]![1]).not.toHaveProperty('refresh');
  for (const { credentials } of api.calls) expect(credentials).toBe('omit');
});

test('a refresh token and its link are on the disk before they are used', async () => {
  const api = linkedApi();
  const stored = disk();
  const { client } = phone(api, stored);
  const seen: (string | null)[] = [];
  const look = (serve: Parameters<typeof api.arrives>[0]) => (seen.push(stored.item), api.arrives(serve));
  api.next(LOGIN, look);
  api.next(REFRESH, look);
  await client.exchange(RYAN);
  expect(stored.item).toContain('"refresh":"session-1.0.');
  api.pass();
  await client.refresh();
  const links = sent(api).map(([, { link }]) => (link as { next?: string }).next ?? (link as string));
  expect(seen[0]).toContain(links[0]);
  expect(seen[1]).toContain(links[1]);
});

test('a session that is not linked uses each successor of its token', async () => {
  const api = linkedApi();
  api.links = false;
  const { client, stored } = await loggedInPhone(api);
  for (let n = 0; n < 3; n++) await client.refresh();
  client.dispose();
  const { client: again } = phone(api, stored);
  expect(await again.start()).toMatchObject(loggedIn);
  expect(sent(api).map(([, { refresh }]) => (refresh as string).slice(0, 12))).toEqual(['session-1.0.', 'session-1.1.', 'session-1.2.', 'session-1.3.']);
});

test('the successor of a token is used when it is on the disk, not before', async () => {
  const api = linkedApi();
  api.links = false;
  const { client, stored } = await loggedInPhone(api);
  let release = () => {};
  api.next(REFRESH, (serve) => ((stored.busy = new Promise((resolve) => (release = resolve))), api.arrives(serve)));
  let isDone = false;
  const refreshing = client.refresh().then(() => (isDone = true));
  await expect.poll(() => api.count(REFRESH)).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isDone).toBe(false);
  release();
  await refreshing;
  expect(stored.item).toContain('session-1.1.');
});

test('what is set before the keychain has been read stays set', async () => {
  const item = JSON.stringify({ refresh: 'old', entries: [], flags: { '.session': 'old' } });
  const store = appStorage({ get: async () => item, set: async () => {} });
  store.set('.logout', '/auth/logout');
  store.set('.session', null);
  await store.ready;
  expect([store.get('.logout'), store.get('.session')]).toEqual(['/auth/logout', null]);
});

test('a slow write does not overtake a later one', async () => {
  const stored = disk();
  const writes = [60, 0];
  const keychain = {
    get: async () => null,
    async set(_: string, value: string | null) {
      await new Promise((resolve) => setTimeout(resolve, writes.shift()));
      stored.item = value;
    },
  };
  const store = appStorage(keychain);
  await store.ready;
  store.set('.session', 'first');
  await new Promise((resolve) => setTimeout(resolve, 5));
  store.set('.session', 'second');
  await store.change((entries) => entries);
  expect(stored.item).toContain('second');
});

test('a proxy’s JSON with a refresh token does not replace ours', async () => {
  const api = linkedApi();
  const { client, stored } = await loggedInPhone(api);
  const before = stored.item!;
  api.next(REFRESH, () => answer(200, { refresh: 'theirs' }), () => page(200));
  await expect(client.refresh()).rejects.toMatchObject({ code: 'unavailable' });
  await expect(client.refresh()).rejects.toMatchObject({ code: 'unavailable' });
  expect(stored.item).not.toContain('theirs');
  expect(before).toContain('session-1.0.');
  await client.refresh();
  expect(client.getState()).toMatchObject(loggedIn);
});

test('a session that has ended is removed from the keychain, and the next start sends nothing', async () => {
  const api = linkedApi();
  const { client, stored } = await loggedInPhone(api);
  api.chains.clear();
  expect(await client.refresh()).toBe(null);
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: { code: 'expired', apiCode: 'token_not_valid' } });
  await expect.poll(() => stored.item).toBe(null);
  client.dispose();
  api.calls.length = 0;
  const { client: again } = phone(api, stored);
  expect(await again.start()).toMatchObject({ status: 'anonymous', error: null });
  expect(api.calls).toEqual([]);
});

test('an app that nobody is logged in to sends nothing, even to renew or to log out', async () => {
  const api = linkedApi();
  const { client } = phone(api, disk());
  expect(await client.start()).toMatchObject({ status: 'anonymous', error: null });
  expect(await client.refresh()).toBe(null);
  expect(await client.logout()).toBe(true);
  expect(api.calls).toEqual([]);
});

test('a logout without a network shows at once, survives the app, and is sent before the next login', async () => {
  const api = linkedApi();
  const { client, stored } = await loggedInPhone(api);
  api.next(LOGOUT, api.requestLost);
  expect(await client.logout()).toBe(false);
  expect(client.getState().status).toBe('anonymous');
  client.dispose();
  api.calls.length = 0;
  api.next(LOGOUT, api.requestLost);
  const { client: again } = phone(api, stored);
  expect(await again.start()).toMatchObject({ status: 'anonymous', error: null });
  await expect.poll(() => api.count(LOGOUT)).toBe(1);
  expect(api.count(REFRESH)).toBe(0);
  await again.exchange(MUZI);
  expect(api.calls.slice(1).map(({ path }) => path)).toEqual([LOGOUT, LOGIN]);
  expect([...api.chains.keys()], 'the session of the first user has ended').toEqual(['session-2']);
  expect(again.getState()).toMatchObject({ ...loggedIn, user: { pk: 'muzi' } });
});

test('a pending logout is sent before a login that begins before the keychain has been read', async () => {
  const api = linkedApi();
  const { client, stored } = await loggedInPhone(api);
  api.next(LOGOUT, api.requestLost);
  await client.logout();
  client.dispose();
  let release = () => {};
  stored.busy = new Promise((resolve) => (release = resolve));
  const { client: again } = phone(api, stored);
  const loggingIn = again.exchange(MUZI);
  await new Promise((resolve) => setTimeout(resolve, 50));
  release();
  await loggingIn;
  expect([...api.chains.keys()]).toEqual(['session-2']);
});

test('a logout that begins before the keychain has been read logs the stored session out', async () => {
  const api = linkedApi();
  const { client, stored } = await loggedInPhone(api);
  client.dispose();
  const { client: again } = phone(api, stored);
  const leaving = again.logout();
  expect(again.getState().status).toBe('anonymous');
  expect(await leaving).toBe(true);
  expect(await again.start()).toMatchObject({ status: 'anonymous', error: null });
  expect(await again.getToken()).toBe(null);
  expect(api.chains.size).toBe(0);
  expect(api.count(REFRESH)).toBe(0);
  await expect.poll(() => stored.item).toBe(null);
});

test('a logout during a login ends the session that the login has begun', async () => {
  const api = linkedApi();
  const stored = disk();
  const { client } = phone(api, stored);
  let leaving: Promise<boolean> | undefined;
  api.next(LOGIN, (serve) => ((leaving = client.logout()), api.arrives(serve)));
  await expect(client.exchange(RYAN)).rejects.toMatchObject({ code: 'rejected' });
  expect(await leaving).toBe(true);
  expect(api.chains.size).toBe(0);
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: null });
  expect(stored.item ?? '').not.toContain('"refresh"');
});

test('the sessions of other devices can be ended, and this one stays', async () => {
  const api = linkedApi();
  const { client } = await loggedInPhone(api);
  api.begin('there');
  expect(await client.logout({ scope: 'others' })).toBe(true);
  expect([...api.chains.keys()]).toEqual(['session-1']);
  api.pass();
  expect(await client.refresh()).toBeTruthy();
});

test('a keychain that cannot be read yet logs nobody out: the session is there when it can be', async () => {
  const api = linkedApi();
  const { client, stored } = await loggedInPhone(api);
  client.dispose();
  stored.fails = 'get';
  api.calls.length = 0;
  const { client: again } = phone(api, stored);
  expect(await again.start()).toMatchObject({ status: 'unknown', error: { code: 'unavailable' } });
  expect(api.calls, 'no request without the token').toEqual([]);
  stored.fails = undefined;
  again.wake();
  await expect.poll(() => again.getState()).toMatchObject({ ...loggedIn, user: { pk: 'ryan' } });
});

test('a keychain that cannot be written any more logs nobody out', async () => {
  const api = linkedApi();
  const { client, stored } = await loggedInPhone(api);
  await expect.poll(() => stored.item).toMatch(/".session":"[\w-]{43}"/);
  stored.fails = 'set';
  const token = await client.getToken();
  await expect(client.refresh()).rejects.toMatchObject({ code: 'unavailable' });
  expect(await client.getToken()).toBe(token);
  expect(sent(api), 'a link that is not stored is not sent').toEqual([[REFRESH, { refresh: expect.any(String) as string }]]);
  stored.fails = undefined;
  expect(await client.refresh()).toBeTruthy();
  expect(client.getState()).toMatchObject(loggedIn);
});

test('a login without a keychain says that it is unavailable, and sends no credential', async () => {
  const api = linkedApi();
  const stored = disk();
  stored.fails = 'get';
  const { client } = phone(api, stored);
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const failing = expect(client.exchange(RYAN)).rejects.toMatchObject({ code: 'unavailable' });
  for (let n = 0; n < 60; n++) await vi.advanceTimersByTimeAsync(100);
  await failing;
  expect(api.calls).toEqual([]);
});

test('logins without a response do not push the session’s record out, and the item stays small', async () => {
  const api = linkedApi();
  const { client, stored } = await loggedInPhone(api);
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  api.instead.set(LOGIN, networkError);
  for (let n = 0; n < 12; n++) {
    const access_token = `muzi-${n}`.padStart(54, 'x');
    const failing = expect(client.exchange({ access_token })).rejects.toMatchObject({ code: 'unavailable' });
    for (let tick = 0; tick < 60; tick++) await vi.advanceTimersByTimeAsync(100);
    await failing;
  }
  vi.useRealTimers();
  client.dispose();
  expect(stored.largest).toBeLessThan(1_024);
  const { client: again } = phone(api, stored);
  expect(await again.start()).toMatchObject({ ...loggedIn, user: { pk: 'ryan' } });
});

test('an item that is not ours is like none', async () => {
  for (const text of ['', '7', 'null', '[]', 'not JSON', '{"entries":7,"flags":null}']) {
    const stored = { ...disk(), item: text };
    const api = linkedApi();
    const { client } = phone(api, stored);
    expect(await client.start()).toMatchObject({ status: 'anonymous', error: null });
    await client.exchange(RYAN);
    expect(client.getState()).toMatchObject(loggedIn);
  }
});

test('the deletion of the account removes the token from the keychain', async () => {
  const api = linkedApi();
  const { client, stored } = await loggedInPhone(api);
  await client.deleteAccount();
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: null });
  await expect.poll(() => stored.item).toBe(null);
});

test('no credential is in the keychain during a login, only its end', async () => {
  const api = linkedApi();
  const stored = disk();
  const { client } = phone(api, stored);
  const credential = { access_token: `${'s'.repeat(40)}${'e'.repeat(10)}` };
  let during: string | null = null;
  api.next(LOGIN, (serve) => ((during = stored.item), api.arrives(serve)));
  await client.exchange(credential);
  expect(during).toContain('eee');
  expect(during).not.toContain('sss'.repeat(8));
  expect(stored.item).not.toContain('eee');
});

test('login() says that an app without `kakao` has no page of Kakao’s to go to', async () => {
  const { client } = phone(linkedApi(), disk());
  await expect(client.login({ returnTo: '/' })).rejects.toThrow('needs `kakao`');
});

test('without crypto.getRandomValues the sentence says what to import', () => {
  vi.stubGlobal('crypto', undefined);
  expect(() => appStorage({ get: async () => null, set: async () => {} })).toThrow('react-native-get-random-values');
});

test('the core works in an app too, and where nothing is called window', async () => {
  vi.stubGlobal('window', undefined);
  const api = linkedApi();
  const stored = disk();
  const keychain = { get: async () => stored.item, set: async (_: string, value: string | null) => void (stored.item = value) };
  const client = createAuthClient({ baseUrl: 'https://api.example.com/', fetch: api.fetch, storage: appStorage(keychain) });
  await client.exchange(MUZI);
  expect(await client.refresh()).toBeTruthy();
  expect(api.calls).toMatchObject([{ origin: 'https://api.example.com', path: LOGIN }, { path: REFRESH }]);
  client.dispose();
});
