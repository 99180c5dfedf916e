import { expect, test, vi } from 'vitest';
import type { AuthClient } from '../../src/index.js';
import { answer, loggedInTab, networkError, page, refusal, scriptedApi, sessionOver, tab } from '../scripted.js';

const CALLS: [name: string, path: string, call: (client: AuthClient) => Promise<unknown>][] = [
  ['the list of sessions', '/auth/sessions', (client) => client.sessions()],
  ['ending a session', '/auth/sessions/ryan-there', (client) => client.endSession('ryan-there')],
  ['the export', '/auth/account', (client) => client.account()],
  ['a deletion', '/auth/account', (client) => client.deleteAccount()],
  ['a change of the profile', '/auth/profile', (client) => client.updateProfile({ username: 'lion' })],
];

test.each(CALLS)('%s that meets no API rejects with `unavailable`, and the session continues', async (_, path, call) => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  for (const [status, respond] of [
    [0, networkError],
    [503, () => answer(503, { code: 'unavailable', detail: 'Later.' })],
    [429, () => answer(429, { message: 'Too Many Requests' })],
    [200, () => page(200)],
    [200, () => answer(200, { status: 'ok' })],
    [404, () => answer(404, { message: 'Not Found' })],
    [403, () => page(403)],
  ] as const) {
    api.instead.set(path, respond);
    await expect(call(client)).rejects.toMatchObject({ name: 'AuthError', code: 'unavailable', status });
  }
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' }, error: null });
  expect(client.events).toEqual([]);
});

test.each(CALLS)('%s with an expired token is repeated once after a refresh', async (_, path, call) => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.expire();
  await call(client);
  expect(api.calls.map((one) => one.path)).toEqual([path, '/auth/refresh', path]);
});

test.each(CALLS)('%s after the end of the session rejects with `expired`', async (_, path, call) => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.expire();
  api.cookie = null;
  await expect(call(client)).rejects.toMatchObject({ code: 'expired', status: 401 });
  expect(api.calls.map((one) => one.path)).toEqual([path, '/auth/refresh']);
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: { code: 'expired' } });
  await expect(call(client)).rejects.toMatchObject({ code: 'expired', status: 401 });
});

test.each(CALLS)('%s that gets a 401 while the refresh fails rejects with `unavailable`', async (_, path, call) => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set(path, sessionOver);
  api.instead.set('/auth/refresh', () => answer(503));
  await expect(call(client)).rejects.toMatchObject({ code: 'unavailable', status: 401 });
  expect(client.getState()).toMatchObject({ status: 'authenticated' });
});

test.each(CALLS)('%s without a response ends after three times `timeoutMs`', async (_, path, call) => {
  const api = scriptedApi();
  const given: number[] = [];
  const { timeout } = AbortSignal;
  const client = await loggedInTab(api, { timeoutMs: 1_000 });
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => (given.push(ms), timeout.call(AbortSignal, 1)));
  api.instead.set(path, ({ signal }) => new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))));
  await expect(call(client)).rejects.toMatchObject({ code: 'unavailable', status: 0 });
  expect(given).toEqual([3_000]);
});

test('a call that is not made in time for another user rejects with `expired`, and is not sent', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set('/auth/refresh', () => {
    // Meanwhile another tab logs in.
    localStorage.setItem('kakao-auth.session', 'second');
    return api.granted('muzi');
  });
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 280_000);
  await expect(client.deleteAccount()).rejects.toMatchObject({ code: 'expired' });
  expect(api.count('/auth/account')).toBe(0);
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'muzi' } });
});

test('without a login every call rejects with `expired`', async () => {
  const api = scriptedApi();
  const client = tab(api);
  for (const [, , call] of CALLS) await expect(call(client)).rejects.toMatchObject({ code: 'expired', status: 401 });
  expect(api.calls.every(({ bearer }) => bearer === null)).toBe(true);
});

test('a change that the API refuses rejects with `rejected` and changes nothing', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set('/auth/profile', () => refusal('invalid_request'));
  await expect(client.updateProfile({ username: '' })).rejects.toMatchObject({
    code: 'rejected',
    status: 400,
    cause: { detail: 'No.' },
  });
  expect(client.getState().user).toMatchObject({ pk: 'ryan', nickname: 'ryan' });
});
