import { expect, test, vi } from 'vitest';
import { answer, networkError, page, scriptedApi, tab } from '../scripted.js';
import { busy, code, LOGIN, tooMany } from './kakao.js';

test('a login that is refused with too_many_logins is not sent again, because its code is redeemed', async () => {
  vi.useFakeTimers();
  const api = scriptedApi();
  const client = tab(api);
  api.instead.set(LOGIN, () => tooMany('2'));
  const failing = expect(client.exchange(code)).rejects.toMatchObject({ code: 'unavailable', status: 429 });
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  await failing;
  expect(api.count(LOGIN)).toBe(1);
});

test.each([
  ['a lost response', networkError],
  ['a response that breaks off', () => new Response(new ReadableStream({ start: (body) => body.error(new TypeError('lost')) }))],
  ['a 503', busy()],
  ['a gateway’s 502 page', () => page(502)],
  ['a 429', () => answer(429, { message: 'Too Many Requests' })],
])('a login that meets %s is retried twice at most', async (_, respond) => {
  vi.useFakeTimers();
  for (const failures of [1, 2, 3]) {
    const api = scriptedApi();
    const client = tab(api);
    let left = failures;
    api.instead.set(LOGIN, () => (left-- ? respond() : api.granted('ryan')));
    const user = client.exchange(code).catch((error: Error) => error);
    await expect.poll(() => api.count(LOGIN)).toBe(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(api.count(LOGIN), 'not at once: the page may be going away').toBe(1);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await user).toMatchObject(failures < 3 ? { pk: 'ryan' } : { code: 'unavailable' });
    expect(api.count(LOGIN)).toBe(Math.min(failures + 1, 3));
    expect(new Set(api.calls.map(({ body }) => body))).toHaveLength(1);
  }
});

test('a login is retried after `Retry-After`, if the API still repeats its response then', async () => {
  vi.useFakeTimers();
  const api = scriptedApi();
  const client = tab(api);
  let failures = 1;
  api.instead.set(LOGIN, () => (failures-- ? busy('7')() : api.granted('ryan')));
  const user = client.exchange(code);
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  await vi.advanceTimersByTimeAsync(6_900);
  expect(api.count(LOGIN)).toBe(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(await user).toMatchObject({ pk: 'ryan' });

  for (const [retryAfter, tries] of [['60', 1], ['13', 2]] as const) {
    api.calls.length = 0;
    api.instead.set(LOGIN, busy(retryAfter));
    const failing = expect(client.exchange({ access_token: 'muzi' })).rejects.toMatchObject({ code: 'unavailable', status: 503 });
    await expect.poll(() => api.count(LOGIN)).toBe(1);
    await vi.advanceTimersByTimeAsync(60_000);
    await failing;
    expect(api.count(LOGIN)).toBe(tries);
  }
});

test('a login whose `Retry-After` is a date is retried', async () => {
  const api = scriptedApi();
  api.instead.set(LOGIN, () => (api.instead.clear(), busy('Wed, 21 Oct 2026 07:28:00 GMT')()));
  expect(await tab(api).exchange(code)).toMatchObject({ pk: 'ryan' });
});

test('a logout cancels a login that waits for its retry', async () => {
  vi.useFakeTimers();
  const api = scriptedApi();
  const client = tab(api);
  api.instead.set(LOGIN, busy('5'));
  const login = expect(client.exchange(code)).rejects.toMatchObject({ code: 'unavailable' });
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  const leaving = client.logout();
  await vi.advanceTimersByTimeAsync(60_000);
  await login;
  expect(await leaving).toBe(true);
  expect(api.count(LOGIN)).toBe(1);
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: null });
});
