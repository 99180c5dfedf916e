import { expect, test, vi } from 'vitest';
import { authorizeUrl } from '../../src/leave.js';
import { pageStore } from '../../src/page-store.js';
import { answer, API, networkError, page, scriptedApi, tab } from '../scripted.js';
import { isAtKakao, kakao, LOGIN, nearby } from './kakao.js';

test('the only scope is openid, unless the app asks for more', async () => {
  const scope = async (options: typeof kakao & { scope?: string }) => new URL(await authorizeUrl(options, pageStore('kakao-auth'), '/')).searchParams.get('scope');
  expect(await scope(kakao)).toBe('openid');
  expect(await scope({ ...kakao, scope: 'openid,account_email' })).toBe('openid,account_email');
});

test('login() starts the login function with one request that needs no preflight and carries no cookie', async () => {
  const fetch = vi.fn(async () => new Response(null, { status: 204 }));
  await tab(scriptedApi(), { kakao: nearby, fetch }).login();
  expect(isAtKakao()).toBe(true);
  expect(fetch.mock.calls).toEqual([[API + LOGIN, { credentials: 'omit', cache: 'no-store', keepalive: true }]]);
});

test.each<[string, typeof fetch]>([
  ['is never answered', () => new Promise(() => {})],
  ['fails', networkError],
  ['is answered 503', async () => answer(503)],
  ['is answered by a proxy’s page', async () => page(200)],
  ['is blocked by an exception', () => { throw new Error('blocked'); }],
])('login() leaves for Kakao even if the request that starts the login function %s', async (_, fetch) => {
  const client = tab(scriptedApi(), { kakao: nearby, fetch });
  await client.login();
  expect(isAtKakao()).toBe(true);
  expect(client.getState()).toMatchObject({ status: 'unknown', error: null });
  expect(client.events).toEqual([]);
});

test('login() sends no request if it does not leave for Kakao, or with dj-rest-auth’s paths', async () => {
  const api = scriptedApi();
  await expect(tab(api).login()).rejects.toThrow('needs `kakao`');
  await expect(tab(api, { kakao: { ...kakao, authorizeUrl: 'https://' } }).login()).rejects.toThrow();
  await tab(api, { kakao: nearby, paths: 'dj-rest-auth' }).login();
  expect(isAtKakao()).toBe(true);
  expect(api.calls).toEqual([]);
});
