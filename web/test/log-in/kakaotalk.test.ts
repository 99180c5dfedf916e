import { beforeEach, expect, test, vi } from 'vitest';
import { scriptedApi, tab } from '../scripted.js';
import { answered, asked, begun, browserIs, CHROME, isAtKakao, KAKAOTALK, LOGIN, nearby } from './kakao.js';

beforeEach(() => void browserIs(KAKAOTALK));

const MUST_ASK = ['login_required', 'consent_required', 'interaction_required'];

/** A tab that comes back from Kakao with these parameters. */
async function returned(parameters: Record<string, string>, api = scriptedApi()) {
  answered(parameters);
  const client = tab(api, { kakao: nearby });
  await client.start();
  return client;
}

test.each([
  [undefined, null, 'none'],
  [{ switchAccount: false }, null, 'none'],
  [{ switchAccount: true }, 'login', 'select_account'],
  [{ switchAccount: true, prompt: 'create' }, 'create', 'create'],
  [{ prompt: '' }, null, null],
])('login(%j) asks Kakao for the prompt %s, and in KakaoTalk’s browser for %s', async (options, elsewhere, here) => {
  await tab(scriptedApi(), { kakao: nearby }).login(options);
  expect(asked().get('prompt')).toBe(here);
  browserIs(CHROME);
  await tab(scriptedApi(), { kakao: nearby }).login(options);
  expect(asked().get('prompt')).toBe(elsewhere);
});

test('in KakaoTalk a user who has consented before is logged in without seeing a page of Kakao', async () => {
  await tab(scriptedApi(), { kakao: nearby }).login({ returnTo: '/cart' });
  const client = await returned({ code: 'ryan' });
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' } });
  expect(location.pathname).toBe('/cart');
});

test.each(MUST_ASK)('after %s the login goes to Kakao’s page, and the app shows no error meanwhile', async (error) => {
  const api = scriptedApi();
  await tab(api, { kakao: nearby }).login({ returnTo: '/cart' });
  const first = asked().get('state');
  const client = await returned({ error }, api);
  expect(client.getState()).toEqual({ status: 'unknown', user: null, error: null });
  expect(asked().get('prompt')).toBe(null);
  expect(asked().get('state')).not.toBe(first);
  expect(api.count('/auth/refresh')).toBe(0);
  const finished = await returned({ code: 'ryan' }, api);
  expect(finished.getState()).toMatchObject({ status: 'authenticated', error: null });
  expect(location.pathname).toBe('/cart');
  expect(localStorage.getItem('kakao-auth.login')).toBe(null);
});

test.each(MUST_ASK)('a login goes to Kakao’s page once: a second %s is reported', async (error) => {
  await tab(scriptedApi(), { kakao: nearby }).login({ returnTo: '/cart' });
  await returned({ error });
  const client = await returned({ error });
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: { code: 'interaction' } });
  expect(isAtKakao()).toBe(false);
});

test('a login that is cancelled on Kakao’s page is reported, as it is elsewhere', async () => {
  await tab(scriptedApi(), { kakao: nearby }).login();
  await returned({ error: 'consent_required' });
  const client = await returned({ error: 'access_denied', error_description: 'User denied access' });
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: { code: 'denied' } });
  expect(isAtKakao()).toBe(false);
});

test('an app that asks for `none` itself gets the error itself', async () => {
  await tab(scriptedApi(), { kakao: nearby }).login({ prompt: 'none' });
  const client = await returned({ error: 'consent_required' });
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: { code: 'interaction' } });
  expect(isAtKakao()).toBe(false);
});

test('a second tab can come back to Kakao’s error and finish the login', async () => {
  const api = scriptedApi();
  const first = tab(api, { kakao: nearby });
  await first.start();
  await first.login({ returnTo: '/cart' });
  const second = await returned({ error: 'login_required' }, api);
  expect(second.getState().status).toBe('unknown');
  expect(begun()).toHaveLength(1);
  const third = await returned({ code: 'ryan' }, api);
  expect(third.getState()).toMatchObject({ status: 'authenticated' });
  expect(api.count(LOGIN)).toBeGreaterThan(0);
});

test('a user who turns round on the way to Kakao’s page finds out whether they are logged in', async () => {
  const api = scriptedApi();
  await tab(api, { kakao: nearby }).login({ returnTo: '/cart' });
  const client = await returned({ error: 'consent_required' }, api);
  api.cookie = null;
  // The browser has kept the page as it was.
  dispatchEvent(new Event('pageshow'));
  await expect.poll(() => client.getState()).toMatchObject({ status: 'anonymous', error: null });
});

test('an app without a user agent is not KakaoTalk', async () => {
  vi.stubGlobal('navigator', { onLine: true });
  await tab(scriptedApi(), { kakao: nearby }).login();
  expect(asked().get('prompt')).toBe(null);
});
