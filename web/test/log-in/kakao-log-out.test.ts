import { expect, test, vi } from 'vitest';
import { answer, loggedInTab, networkError, scriptedApi, tab } from '../scripted.js';
import { asked, at, begun, isAtKakao, nearby } from './kakao.js';

const OUT = '/auth/logout';
const options = { kakao: nearby };
/** Kakao redirects back to the site's start. */
const back = (path = '/') => at(`${path}?state=${asked('logout').get('state')}`);

test('a logout with Kakao ends the session here, then the one at Kakao, and returns to the page where it began', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api, options);
  at('/cart?step=2');
  api.instead.set(OUT, () => {
    expect(isAtKakao(), 'Kakao comes second').toBe(false);
    api.cookie = null;
    return answer(200, { detail: 'Successfully logged out.' });
  });
  expect(await client.logout({ kakao: true })).toBe(true);
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: null });
  expect(api.count(OUT)).toBe(1);
  expect(Object.fromEntries(asked('logout'))).toEqual({
    client_id: 'rest-key',
    logout_redirect_uri: 'http://localhost:5173/',
    state: begun()[0]!.state,
  });

  back();
  expect(await tab(api, options).start()).toEqual({ status: 'anonymous', user: null, error: null });
  expect(location.href).toBe('http://localhost:5173/cart?step=2');
  expect(localStorage).toHaveLength(0);
});

test('the page to return to and the registered address can be set', async () => {
  const client = await loggedInTab(scriptedApi(), { kakao: { ...nearby, logoutRedirectUri: 'http://localhost:5173/bye' } });
  await client.logout({ kakao: true, returnTo: '/shop' });
  expect(asked('logout').get('logout_redirect_uri')).toBe('http://localhost:5173/bye');
  back('/bye');
  let returned = '';
  await tab(scriptedApi(), { kakao: nearby, onReturn: (path) => (returned = path) }).start();
  expect(returned).toBe('/shop');
  expect(location.search).toBe('');
});

test('nobody is redirected to another site after a logout', async () => {
  const client = await loggedInTab(scriptedApi(), options);
  await client.logout({ kakao: true, returnTo: 'https://evil.example/' });
  back();
  await tab(scriptedApi(), options).start();
  expect(location.href).toBe('http://localhost:5173/');
});

test('Kakao’s page does not wait longer than 3 s for the API, whose logout is sent again later', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api, options);
  vi.useFakeTimers();
  api.instead.set(OUT, () => new Promise(() => {}));
  const done = client.logout({ kakao: true });
  await vi.advanceTimersByTimeAsync(2_900);
  expect(isAtKakao()).toBe(false);
  await vi.advanceTimersByTimeAsync(200);
  expect(await done).toBe(false);
  expect(isAtKakao()).toBe(true);
  vi.useRealTimers();
  client.dispose();

  api.instead.clear();
  back();
  expect(await tab(api, options).start()).toMatchObject({ status: 'anonymous' });
  await expect.poll(() => api.cookie).toBe(null);
});

test('without a network the logout goes to Kakao all the same', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api, options);
  api.instead.set(OUT, networkError);
  expect(await client.logout({ kakao: true })).toBe(false);
  expect(isAtKakao()).toBe(true);
});

test('a logout without `kakao` does not leave the page, and a state that is not known stays in the address', async () => {
  const api = scriptedApi();
  await (await loggedInTab(api, options)).logout();
  expect(isAtKakao()).toBe(false);
  at('/?state=theirs');
  expect(await tab(api, options).start()).toEqual({ status: 'anonymous', user: null, error: null });
  expect(location.search).toBe('?state=theirs');
});
