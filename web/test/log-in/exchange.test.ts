import { expect, test, vi } from 'vitest';
import { answer, page, refusal, scriptedApi, loggedInTab, tab } from '../scripted.js';
import { code, LOGIN, tooMany } from './kakao.js';

test('a code that is exchanged twice, at once or later, is sent once', async () => {
  const api = scriptedApi();
  const client = tab(api);
  const [first, second] = await Promise.all([client.exchange(code), client.exchange({ ...code })]);
  expect(first).toBe(second);
  expect(await client.exchange(code)).toBe(first);
  expect(api.count(LOGIN)).toBe(1);
});

test('after a logout the same credential is sent again, and the API decides', async () => {
  const api = scriptedApi();
  const client = tab(api);
  await client.exchange(code);
  await client.logout();
  api.instead.set(LOGIN, () => refusal('kakao_rejected'));
  await expect(client.exchange(code)).rejects.toMatchObject({ code: 'rejected', status: 400 });
  expect(client.getState().status).toBe('anonymous');
});

test.each([
  ['the API’s 400', 'rejected', 400, () => refusal('kakao_rejected')],
  ['the API’s 403', 'rejected', 403, () => answer(403, { code: 'origin_not_allowed', detail: 'No.' })],
  ['the API’s word that Kakao does not allow the person’s age', 'underage', 400, () => refusal('kakao_underage')],
  ['dj-rest-auth’s 400', 'rejected', 400, () => answer(400, { non_field_errors: ['Incorrect value'] })],
  ['the API’s 503', 'unavailable', 503, () => answer(503, { code: 'unavailable', detail: 'Try again.' })],
  ['a 429', 'unavailable', 429, () => refusal('too_many_requests', 429)],
  ['the API’s 429', 'unavailable', 429, () => tooMany('37')],
  ['a firewall’s 403 page', 'unavailable', 403, () => page(403)],
  ['a proxy’s 401', 'unavailable', 401, () => page(401)],
  ['a gateway’s 400', 'unavailable', 400, () => answer(400, { message: 'Bad Request' })],
  ['a captive portal’s page with status 200', 'unavailable', 200, () => page(200)],
] as const)('a login that meets %s is %s, can be repeated, and does not end the current session', async (_, kind, status, respond) => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set(LOGIN, respond);
  vi.useFakeTimers();
  const failing = expect(client.exchange({ access_token: 'muzi' })).rejects.toMatchObject({ code: kind, status });
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  await vi.advanceTimersByTimeAsync(3_000);
  await failing;
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' }, error: { code: kind } });
  api.instead.clear();
  await client.exchange({ access_token: 'muzi' });
  expect(client.getState()).toMatchObject({ user: { pk: 'muzi' }, error: null });
});

test('with dj-rest-auth’s paths, a response without a user is completed from the profile', async () => {
  const api = scriptedApi();
  api.terse = true;
  const client = tab(api, { paths: 'dj-rest-auth' });
  expect(await client.exchange({ access_token: 'muzi' })).toMatchObject({ pk: 'muzi' });
  expect(api.calls.map(({ path }) => path)).toEqual(['/dj-rest-auth/kakao/', '/dj-rest-auth/user/']);
  await client.refresh();
  expect(api.calls.slice(2).map(({ path }) => path)).toEqual(['/dj-rest-auth/token/refresh/']);
  await client.logout();
  expect(api.calls.slice(3).map(({ path }) => path)).toEqual(['/dj-rest-auth/logout/']);
});

test.each([
  ['a 503', () => answer(503)],
  ['a page with status 200', () => page(200)],
  ['JSON with status 200 that is not the API’s', () => answer(200, { status: 'ok' })],
])('a login whose profile request meets %s is unavailable and changes nothing', async (_, respond) => {
  const api = scriptedApi();
  api.terse = true;
  api.instead.set('/auth/profile', respond);
  const client = tab(api);
  await expect(client.exchange({ access_token: 'muzi' })).rejects.toMatchObject({ code: 'unavailable' });
  expect(client.getState().status).not.toBe('authenticated');
});
