import { beforeEach, expect, test, vi } from 'vitest';
import { loggedInTab, scriptedApi, sessionOver, tab } from '../scripted.js';
import { answered, asked, at, begun, browserIs, CHROME, isAtKakao, KAKAOTALK, kakao, nearby } from './kakao.js';

const options = { kakao: { ...nearby, autoLogin: true } };
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

beforeEach(() => void browserIs(KAKAOTALK));

/** Loads a page of the site. */
async function visit(api = scriptedApi(), given: Parameters<typeof tab>[1] = options) {
  at('/cart?step=2');
  const client = tab(api, given);
  await client.start();
  client.dispose();
}

async function leaves(...page: Parameters<typeof visit>) {
  await visit(...page);
  await expect.poll(isAtKakao).toBe(true);
}

async function stays(...page: Parameters<typeof visit>) {
  await visit(...page);
  await settled();
  expect(isAtKakao()).toBe(false);
}

test('in KakaoTalk a page logs its visitor in without a click', async () => {
  const api = scriptedApi();
  await leaves(api);
  expect(asked().get('prompt')).toBe('none');
  answered({ code: 'ryan' });
  const client = tab(api, options);
  expect(await client.start()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' } });
  expect(location.pathname + location.search).toBe('/cart?step=2');
});

test('an effect that runs twice leaves for Kakao once', async () => {
  const client = tab(scriptedApi(), options);
  void client.start();
  await client.start();
  await expect.poll(isAtKakao).toBe(true);
  await settled();
  expect(begun()).toHaveLength(1);
});

test('a user who clicks at once gets the login that they asked for', async () => {
  const client = tab(scriptedApi(), options);
  await client.start();
  await client.login({ switchAccount: true });
  await settled();
  expect(asked().get('prompt')).toBe('select_account');
  expect(begun()).toHaveLength(1);
});

test('no page does so by default, nor in another browser', async () => {
  await stays(undefined, { kakao: nearby });
  expect(localStorage).toHaveLength(0);
  browserIs(CHROME);
  await stays();
});

test.each(['login_required', 'consent_required', 'interaction_required', 'access_denied', 'server_error'])(
  'after %s the page shows no error, and no other page of this browser tries again',
  async (error) => {
    const api = scriptedApi();
    await leaves(api);
    answered({ error });
    const client = tab(api, options);
    expect(await client.start()).toEqual({ status: 'anonymous', user: null, error: null });
    await settled();
    expect(isAtKakao()).toBe(false);
    expect(location.pathname + location.search).toBe('/cart?step=2');
    await stays(api);
  },
);

test('after a logout nobody is logged in without a click, until they have logged in again and that session has ended', async () => {
  const api = scriptedApi();
  const first = await loggedInTab(api, options);
  await first.logout();
  first.dispose();
  await stays(api);

  at('/callback');
  const client = tab(api, options);
  await client.start();
  await client.exchange({ access_token: 'ryan' });
  client.dispose();
  api.cookie = null;
  await leaves(api);
});

test('a logout counts from its first moment, although the API has not confirmed it, and so does one on all devices', async () => {
  const api = scriptedApi();
  api.instead.set('/auth/logout?scope=all', () => new Promise(() => {}));
  void (await loggedInTab(api, options)).logout({ scope: 'all' });
  expect(localStorage.getItem('kakao-auth.auto')).toBe('off');
  await stays(api);
});

test('after the deletion of the account nobody is logged in without a click', async () => {
  const api = scriptedApi();
  await (await loggedInTab(api, options)).deleteAccount();
  await stays(api);
});

test('a login that was cancelled is not followed by one without a click', async () => {
  const api = scriptedApi();
  await tab(api, options).login({ prompt: 'login' });
  answered({ error: 'access_denied' });
  const client = tab(api, options);
  expect(await client.start()).toMatchObject({ status: 'anonymous', error: { code: 'denied' } });
  await settled();
  expect(isAtKakao()).toBe(false);
  await stays(api);
});

test('a page whose session ends while it is open is not left', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api, options);
  api.expire();
  api.instead.set('/auth/refresh', sessionOver);
  await client.fetch('https://api.example.com/auth/profile').catch(() => {});
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: { code: 'expired' } });
  await client.start();
  await settled();
  expect(isAtKakao()).toBe(false);
});

test('a forged redirect is reported, and no page is left for it', async () => {
  at('/callback?code=theirs&state=forged');
  const client = tab(scriptedApi(), options);
  expect(await client.start()).toMatchObject({ status: 'anonymous', error: { code: 'state' } });
  await settled();
  expect(isAtKakao()).toBe(false);
});

test('a browser that refuses access to its storage is not sent to Kakao again and again', async () => {
  vi.stubGlobal('localStorage', undefined);
  const api = scriptedApi();
  api.cookie = null;
  await stays(api, { kakao: { ...kakao, ...options.kakao } });
});
