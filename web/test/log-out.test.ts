import { expect, test, vi } from 'vitest';
import { answer, comeBack, networkError, page, scriptedApi, loggedInTab, tab } from './scripted.js';

const LOGOUT = '/auth/logout';

test('a logout shows at once and is sent to the API', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  const leaving = client.logout();
  expect(client.getState()).toEqual({ status: 'anonymous', user: null, error: null });
  expect(await leaving).toBe(true);
  expect(api.calls).toMatchObject([{ path: LOGOUT, keepalive: true, credentials: 'include' }]);
  expect(Object.keys(localStorage)).toEqual([]);
});

test('a logout everywhere is sent with scope=all', async () => {
  const api = scriptedApi();
  await (await loggedInTab(api)).logout({ scope: 'all' });
  expect(api.calls).toMatchObject([{ path: `${LOGOUT}?scope=all` }]);
});

test('dj-rest-auth’s 401 to a logout means that the session has ended', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api, { paths: 'dj-rest-auth' });
  api.instead.set('/dj-rest-auth/logout/', () => answer(401, { detail: 'Token is blacklisted' }));
  expect(await client.logout()).toBe(true);
});

test('a proxy’s 401 to a logout does not count on dj-rest-auth’s paths either', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api, { paths: 'dj-rest-auth' });
  api.instead.set('/dj-rest-auth/logout/', () => page(401));
  expect(await client.logout()).toBe(false);
});

test.each([
  ['the network', networkError],
  ['a 503', () => answer(503)],
  ['a proxy’s 401 page', () => page(401)],
  ['a 401 that is not the API’s', () => answer(401, { detail: 'Log in to the VPN.' })],
  ['a page with status 200', () => page(200)],
  ['JSON with status 200 that is not the API’s', () => answer(200, { status: 'ok' })],
])('a logout that fails by %s is pending: a reload logs nobody in, and it is sent later', async (_, fail) => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set(LOGOUT, fail);
  expect(await client.logout()).toBe(false);
  expect(client.getState().status).toBe('anonymous');
  client.dispose();

  api.calls.length = 0;
  const reloaded = tab(api);
  expect(await reloaded.start()).toMatchObject({ status: 'anonymous' });
  expect(await reloaded.getToken()).toBe(null);
  expect(api.count('/auth/refresh')).toBe(0);

  api.instead.clear();
  dispatchEvent(new Event('online'));
  await expect.poll(() => api.cookie).toBe(null);
  expect(Object.keys(localStorage)).toEqual([]);
});

test('a page that loads sends a pending logout, and no refresh even if `silent` is `always`', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set(LOGOUT, () => answer(503));
  await client.logout();
  client.dispose();
  api.instead.clear();
  api.calls.length = 0;
  expect(await tab(api, { silent: 'always' }).start()).toMatchObject({ status: 'anonymous' });
  await expect.poll(() => api.cookie).toBe(null);
  expect(api.calls.map(({ path }) => path)).toEqual([LOGOUT]);
});

test('a pending logout is retried by itself, and a login replaces it', async () => {
  vi.useFakeTimers();
  const api = scriptedApi();
  const starting = loggedInTab(api);
  await vi.advanceTimersByTimeAsync(100);
  const client = await starting;
  api.instead.set(LOGOUT, () => answer(503));
  await client.logout();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(api.count(LOGOUT)).toBeGreaterThan(1);
  await client.exchange({ access_token: 'muzi' });
  const told = api.count(LOGOUT);
  comeBack();
  await vi.advanceTimersByTimeAsync(100_000);
  expect(api.count(LOGOUT)).toBe(told);
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'muzi' } });
});

test('a pending logout everywhere is sent before the next login, which would not log the other devices out', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set(`${LOGOUT}?scope=all`, () => answer(503));
  await client.logout({ scope: 'all' });
  await expect(client.exchange({ access_token: 'muzi' })).rejects.toMatchObject({ code: 'unavailable' });
  expect(api.count('/auth/kakao')).toBe(0);
  api.instead.clear();
  await client.exchange({ access_token: 'muzi' });
  expect(api.calls.slice(-2).map(({ path }) => path)).toEqual([`${LOGOUT}?scope=all`, '/auth/kakao']);
});

test('a logout during a login wins', async () => {
  const api = scriptedApi();
  const client = tab(api);
  await client.start();
  let release = () => {};
  api.instead.set('/auth/kakao', () => new Promise((resolve) => (release = () => resolve(api.granted('muzi')))));
  const loggingIn = client.exchange({ access_token: 'muzi' });
  await expect.poll(() => api.count('/auth/kakao')).toBe(1);
  const leaving = client.logout();
  release();
  await expect(loggingIn).rejects.toMatchObject({ code: 'rejected' });
  expect(await leaving).toBe(true);
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: null });
  expect(api.cookie).toBe(null);
});

test('a logout while the page starts is not undone by the refresh in progress', async () => {
  const api = scriptedApi();
  localStorage.setItem('kakao-auth.session', 'first');
  const client = tab(api);
  let release = () => {};
  api.instead.set('/auth/refresh', () => new Promise((resolve) => (release = () => resolve(api.granted('ryan')))));
  const starting = client.start();
  await expect.poll(() => api.count('/auth/refresh')).toBe(1);
  const leaving = client.logout();
  release();
  await leaving;
  expect(await starting).toMatchObject({ status: 'anonymous' });
  expect(api.cookie).toBe(null);
});

test('a logout while the profile is loaded after a refresh is not undone', async () => {
  const api = scriptedApi();
  api.terse = true;
  localStorage.setItem('kakao-auth.session', 'first');
  const client = tab(api);
  let release = () => {};
  api.instead.set('/auth/profile', () => new Promise((resolve) => (release = () => resolve(answer(200, { pk: 'ryan' })))));
  const starting = client.start();
  await expect.poll(() => api.count('/auth/profile')).toBe(1);
  const leaving = client.logout();
  release();
  await Promise.all([starting, leaving]);
  expect(client.getState().status).toBe('anonymous');
});

test('login, renewal and logout work in a browser that refuses localStorage', async () => {
  const refused = () => {
    throw new DOMException('denied', 'SecurityError');
  };
  vi.spyOn(Storage.prototype, 'getItem').mockImplementation(refused);
  vi.spyOn(Storage.prototype, 'setItem').mockImplementation(refused);
  vi.spyOn(Storage.prototype, 'removeItem').mockImplementation(refused);
  const api = scriptedApi();
  const client = tab(api);
  // Without storage only the API knows whether somebody is logged in.
  expect(await client.start()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' } });
  await client.exchange({ access_token: 'muzi' });
  await client.refresh();
  dispatchEvent(new Event('pageshow'));
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'muzi' } });
  api.instead.set(LOGOUT, () => answer(503));
  expect(await client.logout()).toBe(false);
  api.instead.clear();
  dispatchEvent(new Event('online'));
  await expect.poll(() => api.cookie).toBe(null);
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: null });
});

test('a logout works while localStorage is full', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError');
  });
  expect(await client.logout()).toBe(true);
  expect(api.cookie).toBe(null);
});
