import { expect, test, vi } from 'vitest';
import { page, refusal, scriptedApi, tab } from '../scripted.js';
import { busy, kakao, LOGIN, sentBack } from './kakao.js';

/** A page whose exchange never gets a response, as if the page had been left. */
async function brokenOff(api: ReturnType<typeof scriptedApi>) {
  await sentBack({ code: 'ryan' });
  api.instead.set(LOGIN, () => new Promise(() => {}));
  const gone = tab(api, { kakao });
  void gone.start();
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  api.instead.clear();
  return gone;
}
const kept = () => sessionStorage.getItem('kakao-auth.code');

test('a reload during the exchange sends the same request again, and the user is logged in', async () => {
  const api = scriptedApi();
  await brokenOff(api);
  expect(kept()).toContain('ryan');
  let returned = '';
  const reloaded = tab(api, { kakao, onReturn: (path) => (returned = path) });
  expect(await reloaded.start()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' }, error: null });
  expect(api.calls.map(({ body }) => body)).toEqual(Array(2).fill(api.calls[0]!.body));
  expect(location.href, 'where the person was before').toBe('http://localhost:5173/cart?step=2#pay');
  expect(returned, 'the router is told after the exchange').toBe('/cart?step=2#pay');
  expect(sessionStorage).toHaveLength(0);
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'authenticated' });
  expect(api.count(LOGIN)).toBe(2);
});

test('a second reload during the exchange logs the user in too', async () => {
  const api = scriptedApi();
  await brokenOff(api);
  api.instead.set(LOGIN, () => new Promise(() => {}));
  void tab(api, { kakao }).start();
  await expect.poll(() => api.count(LOGIN)).toBe(2);
  api.instead.clear();
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'authenticated' });
  expect(sessionStorage).toHaveLength(0);
});

test('a code is not sent again once the API may have forgotten it, and is removed from the browser', async () => {
  const api = scriptedApi();
  await brokenOff(api);
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 25_001);
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'anonymous', error: null });
  expect(api.count(LOGIN)).toBe(1);
  expect(sessionStorage).toHaveLength(0);
});

test.each([
  ['success', () => scriptedApi().granted('ryan')],
  ['a refusal', () => refusal('kakao_rejected')],
  ['a firewall’s page', () => page(403)],
  ['an outage that lasts', busy('60')],
])('after %s the code is removed from the browser', async (_, respond) => {
  const api = scriptedApi();
  await sentBack({ code: 'ryan' });
  api.instead.set(LOGIN, respond);
  await tab(api, { kakao }).start();
  expect(sessionStorage).toHaveLength(0);
});

test('a reload after a logout during the login sends no code', async () => {
  const api = scriptedApi();
  const gone = await brokenOff(api);
  void gone.logout();
  expect(kept()).toBe(null);
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'anonymous', error: null });
  expect(api.count(LOGIN)).toBe(1);
});

test('a stored code in an unexpected format is ignored and removed', async () => {
  for (const text of ['', 'null', '7', '{}', '{"at":"x"}', 'not JSON']) {
    sessionStorage.setItem('kakao-auth.code', text);
    expect(await tab(scriptedApi(), { kakao }).start()).toMatchObject({ status: 'anonymous', error: null });
    expect(sessionStorage).toHaveLength(0);
  }
});
