import { expect, test } from 'vitest';
import { authorizeUrl } from '../../src/leave.js';
import { pageStore } from '../../src/page-store.js';
import { refusal, scriptedApi, tab } from '../scripted.js';
import { at, begun, kakao, LOGIN, sentBack } from './kakao.js';

test('a user who comes back from Kakao is logged in, on the page where they started', async () => {
  const api = scriptedApi();
  const asked = (await sentBack({ code: 'ryan' })).searchParams;
  const client = tab(api, { kakao });
  expect(location.href, 'before anything is rendered').toBe('http://localhost:5173/cart?step=2#pay');
  expect(await client.start()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' }, error: null });
  expect(location.href).toBe('http://localhost:5173/cart?step=2#pay');

  expect(api.count(LOGIN)).toBe(1);
  const sent = JSON.parse(api.calls[0]!.body) as Record<string, string>;
  const hash = async (text: string) =>
    btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))))
      .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  expect(sent).toMatchObject({ code: 'ryan', redirect_uri: kakao.redirectUri });
  expect(asked.get('code_challenge')).toBe(await hash(sent['code_verifier']!));
  expect(asked.get('nonce')).toBe(await hash(sent['nonce']!));
  expect(Object.keys(localStorage)).toEqual(['kakao-auth.session']);
});

test('the code leaves the address when the client is created, and an effect that runs twice sends it once', async () => {
  const api = scriptedApi();
  await sentBack({ code: 'ryan' });
  const client = tab(api, { kakao });
  expect(location.search).not.toContain('code');
  void client.start();
  void client.start();
  await client.start();
  expect(api.count(LOGIN)).toBe(1);
});

test.each(['/callback/', '/callback//', '/callback/index.html', '/callback.html', '/ko/callback'])(
  'a user who comes back at %s, where the host redirects to, is logged in with the registered redirect URI',
  async (path) => {
    const api = scriptedApi();
    await sentBack({ code: 'ryan' });
    at(path + location.search);
    expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'authenticated', error: null });
    expect(location.href).toBe('http://localhost:5173/cart?step=2#pay');
    expect(JSON.parse(api.calls[0]!.body)).toMatchObject({ code: 'ryan', redirect_uri: kakao.redirectUri });
  },
);

test.each([
  ['http://localhost:5173/callback/', '/callback'],
  ['http://localhost:5173/', '/index.html'],
  ['http://localhost:5173/callback', '/callback/'],
])('with the redirect URI %s, a forged state at %s is refused, and the code leaves the address', async (redirectUri, path) => {
  at(`${path}?code=theirs&state=forged`);
  expect(await tab(scriptedApi(), { kakao: { ...kakao, redirectUri } }).start()).toMatchObject({ error: { code: 'state' } });
  expect(location.href).toBe(`http://localhost:5173${path}`);
});

test('a redirect with a refused code does not end the session of this browser', async () => {
  localStorage.setItem('kakao-auth.session', 'first');
  await sentBack({ code: 'spent' });
  const api = scriptedApi();
  api.instead.set(LOGIN, () => refusal('kakao_rejected'));
  expect(await tab(api, { kakao }).start()).toMatchObject({
    status: 'authenticated',
    user: { pk: 'ryan' },
    error: { code: 'rejected' },
  });
});

test('a redirect with a refused code logs nobody in', async () => {
  await sentBack({ code: 'spent' });
  const api = scriptedApi();
  api.instead.set(LOGIN, () => refusal('kakao_rejected'));
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'anonymous', error: { code: 'rejected' } });
});

test.each([
  ['access_denied', 'User denied access', 'denied'],
  ['access_denied', undefined, 'denied'],
  ['access_denied', 'Not allowed under age 14', 'underage'],
  ['login_required', 'user login required.', 'interaction'],
  ['consent_required', 'user consent required.', 'interaction'],
  ['interaction_required', undefined, 'interaction'],
  ['server_error', undefined, 'unavailable'],
  ['temporarily_unavailable', undefined, 'unavailable'],
  ['invalid_scope', 'invalid scope', 'rejected'],
  ['constructor', undefined, 'rejected'],
])('Kakao’s error %s (%s) is reported as %s, without a request', async (error, description, kind) => {
  const api = scriptedApi();
  await sentBack({ error, ...(description && { error_description: description }) });
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'anonymous', error: { code: kind } });
  expect(api.calls).toHaveLength(0);
  expect(location.pathname).toBe('/cart');
});

test.each(['forged', '__proto__', 'constructor', '0'])('with the forged state %s nothing is sent, and the code leaves the address', async (state) => {
  const api = scriptedApi();
  await authorizeUrl(kakao, pageStore('kakao-auth'), '/');
  at(`/callback?code=theirs&state=${state}`);
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'anonymous', error: { code: 'state' } });
  expect(api.calls).toHaveLength(0);
  expect(location.href).toBe('http://localhost:5173/callback');
});

test('a state is accepted once, and for ten minutes', async () => {
  const api = scriptedApi();
  await sentBack({ code: 'ryan' });
  const address = location.href;
  await tab(api, { kakao }).start();
  at(address);
  expect(await tab(api, { kakao }).start()).toMatchObject({ error: { code: 'state' } });

  await sentBack({ code: 'ryan' });
  const [transaction] = begun();
  localStorage.setItem('kakao-auth.login', JSON.stringify([{ ...transaction, startedAt: Date.now() - 600_001 }]));
  expect(await tab(api, { kakao }).start()).toMatchObject({ error: { code: 'state' } });
  expect(api.count(LOGIN)).toBe(1);
});

test('parameters with the same names on another page are not touched', async () => {
  at('/coupons?code=SPRING&state=used');
  const api = scriptedApi();
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'anonymous', error: null });
  expect(location.search).toBe('?code=SPRING&state=used');
});

test('a login removes abandoned ones from the storage, but not one that is still in progress', async () => {
  await authorizeUrl(kakao, pageStore('kakao-auth'), '/');
  const [first] = begun();
  localStorage.setItem('kakao-auth.login', JSON.stringify([{ ...first, state: 'old', startedAt: 0 }, first]));
  await authorizeUrl(kakao, pageStore('kakao-auth'), '/');
  expect(begun().map(({ state }) => state)).toEqual([first!.state, expect.any(String)]);
  localStorage.setItem('kakao-auth.login', 'not JSON');
  await authorizeUrl(kakao, pageStore('kakao-auth'), '/');
  expect(begun()).toHaveLength(1);
});
