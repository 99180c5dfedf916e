import { beforeEach, expect, test, vi } from 'vitest';
import { flags } from '../src/browser.js';
import { authorizeUrl } from '../src/kakao.js';
import { answer, API, networkError, page, refusal, scriptedApi, signedInTab, tab } from './scripted.js';

const LOGIN = '/auth/kakao';
const kakao = { clientId: 'rest-key', redirectUri: 'http://localhost:5173/callback' };
const code = { code: 'ryan', redirect_uri: kakao.redirectUri };
const at = (address: string) => history.replaceState(null, '', address);

beforeEach(() => at('/'));

/** Leaves for Kakao from `returnTo`, and is sent back with this answer. */
async function sentBack(with_: Record<string, string>, returnTo = '/cart?step=2#pay'): Promise<URL> {
  const url = new URL(await authorizeUrl(kakao, flags('kakao-auth'), returnTo));
  at(`/callback?${new URLSearchParams({ state: url.searchParams.get('state')!, ...with_ })}`);
  return url;
}

/** What this browser remembers of sign-ins that have left for Kakao. */
const begun = () => JSON.parse(localStorage.getItem('kakao-auth.login')!) as { state: string; startedAt: number }[];

test('who comes back from Kakao is signed in, and back where they were', async () => {
  const api = scriptedApi();
  const asked = (await sentBack({ code: 'ryan' })).searchParams;
  let returned = '';
  const client = tab(api, { kakao, onReturn: (path) => (returned = path) });
  expect(await client.start()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' }, error: null });
  expect(location.pathname + location.search + location.hash).toBe('/cart?step=2#pay');
  expect(returned).toBe('/cart?step=2#pay');

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

test('the address is clean before anything is awaited, so an effect that runs twice sends one code', async () => {
  const api = scriptedApi();
  await sentBack({ code: 'ryan' });
  const client = tab(api, { kakao });
  void client.start();
  expect(location.search).not.toContain('code');
  void client.start();
  await client.start();
  expect(api.count(LOGIN)).toBe(1);
});

test('a code that is exchanged twice is sent once, whether in time or later', async () => {
  const api = scriptedApi();
  const client = tab(api);
  const [first, second] = await Promise.all([client.exchange(code), client.exchange({ ...code })]);
  expect(first).toBe(second);
  expect(await client.exchange(code)).toBe(first);
  expect(api.count(LOGIN)).toBe(1);
});

test('after a log-out the same credential is sent again, for the API to judge', async () => {
  const api = scriptedApi();
  const client = tab(api);
  await client.exchange(code);
  await client.logout();
  api.instead.set(LOGIN, () => refusal('kakao_rejected'));
  await expect(client.exchange(code)).rejects.toMatchObject({ code: 'rejected', status: 400 });
  expect(client.getState().status).toBe('anonymous');
});

const busy = (retryAfter?: string) => () => answer(503, { code: 'unavailable', detail: 'Try again.' }, retryAfter ? { 'retry-after': retryAfter } : {});

const tooMany = (retryAfter: string) =>
  answer(429, { code: 'too_many_logins', detail: 'Too many logins of this user. Try again later.' }, { 'retry-after': retryAfter });

test('a login of a user who logs in too often is not sent again, as its code is spent', async () => {
  vi.useFakeTimers();
  const api = scriptedApi();
  const client = tab(api);
  api.instead.set(LOGIN, () => tooMany('2'));
  const failing = expect(client.exchange(code)).rejects.toMatchObject({ code: 'unavailable', status: 429 });
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
])('a login that meets %s is sent again, twice at most', async (_, respond) => {
  vi.useFakeTimers();
  for (const failures of [1, 2, 3]) {
    const api = scriptedApi();
    const client = tab(api);
    let left = failures;
    api.instead.set(LOGIN, () => (left-- ? respond() : api.granted('ryan')));
    const user = client.exchange(code).catch((error: Error) => error);
    await vi.advanceTimersByTimeAsync(0);
    expect(api.count(LOGIN), 'not at once: the page may be going away').toBe(1);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await user).toMatchObject(failures < 3 ? { pk: 'ryan' } : { code: 'unavailable' });
    expect(api.count(LOGIN)).toBe(Math.min(failures + 1, 3));
    expect(new Set(api.calls.map(({ body }) => body))).toHaveLength(1);
  }
});

test('a login waits as long as `Retry-After` says, but not longer than the API repeats its response', async () => {
  vi.useFakeTimers();
  const api = scriptedApi();
  const client = tab(api);
  let failures = 1;
  api.instead.set(LOGIN, () => (failures-- ? busy('7')() : api.granted('ryan')));
  const user = client.exchange(code);
  await vi.advanceTimersByTimeAsync(6_900);
  expect(api.count(LOGIN)).toBe(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(await user).toMatchObject({ pk: 'ryan' });

  for (const [retryAfter, tries] of [['60', 1], ['13', 2]] as const) {
    api.calls.length = 0;
    api.instead.set(LOGIN, busy(retryAfter));
    const failing = expect(client.exchange({ access_token: 'muzi' })).rejects.toMatchObject({ code: 'unavailable', status: 503 });
    await vi.advanceTimersByTimeAsync(60_000);
    await failing;
    expect(api.count(LOGIN)).toBe(tries);
  }
});

test('a login whose `Retry-After` is a date is sent again', async () => {
  const api = scriptedApi();
  api.instead.set(LOGIN, () => (api.instead.clear(), busy('Wed, 21 Oct 2026 07:28:00 GMT')()));
  expect(await tab(api).exchange(code)).toMatchObject({ pk: 'ryan' });
});

test('a logout while a login waits to be sent again ends that', async () => {
  vi.useFakeTimers();
  const api = scriptedApi();
  const client = tab(api);
  api.instead.set(LOGIN, busy('5'));
  const login = expect(client.exchange(code)).rejects.toMatchObject({ code: 'unavailable' });
  await vi.advanceTimersByTimeAsync(1_000);
  const leaving = client.logout();
  await vi.advanceTimersByTimeAsync(60_000);
  await login;
  expect(await leaving).toBe(true);
  expect(api.count(LOGIN)).toBe(1);
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: null });
});

test.each(['/callback/', '/callback//', '/callback/index.html', '/callback.html', '/ko/callback'])(
  'who comes back at %s, where the host redirects to, is logged in with the redirect URI as it is registered',
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
])('with the redirect URI %s a forged state is told apart at %s, and the code leaves the address', async (redirectUri, path) => {
  at(`${path}?code=theirs&state=forged`);
  expect(await tab(scriptedApi(), { kakao: { ...kakao, redirectUri } }).start()).toMatchObject({ error: { code: 'state' } });
  expect(location.href).toBe(`http://localhost:5173${path}`);
});

/** A page whose exchange has no response yet. It stays that way, as if the page were gone. */
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

test('a reload while the code is exchanged sends the same request again, and the person is logged in', async () => {
  const api = scriptedApi();
  await brokenOff(api);
  expect(kept()).toContain('ryan');
  let returned = '';
  const reloaded = tab(api, { kakao, onReturn: (path) => (returned = path) });
  expect(await reloaded.start()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' }, error: null });
  expect(api.calls.map(({ body }) => body)).toEqual(Array(2).fill(api.calls[0]!.body));
  expect(location.href, 'where the person was before').toBe('http://localhost:5173/cart?step=2#pay');
  expect(returned, 'the router has been told already').toBe('');
  expect(sessionStorage).toHaveLength(0);
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'authenticated' });
  expect(api.count(LOGIN)).toBe(2);
});

test('a second reload while the code is exchanged does no harm either', async () => {
  const api = scriptedApi();
  await brokenOff(api);
  api.instead.set(LOGIN, () => new Promise(() => {}));
  void tab(api, { kakao }).start();
  await expect.poll(() => api.count(LOGIN)).toBe(2);
  api.instead.clear();
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'authenticated' });
  expect(sessionStorage).toHaveLength(0);
});

test('a code is not sent again once the API may have forgotten it, and does not stay in the browser', async () => {
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
])('after %s the code is not in the browser any more', async (_, respond) => {
  const api = scriptedApi();
  await sentBack({ code: 'ryan' });
  api.instead.set(LOGIN, respond);
  await tab(api, { kakao }).start();
  expect(sessionStorage).toHaveLength(0);
});

test('a reload after a logout that overtook the login sends no code', async () => {
  const api = scriptedApi();
  const gone = await brokenOff(api);
  void gone.logout();
  expect(kept()).toBe(null);
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'anonymous', error: null });
  expect(api.count(LOGIN)).toBe(1);
});

test('a code that something else has stored in an odd shape does no harm', async () => {
  for (const text of ['', 'null', '7', '{}', '{"at":"x"}', 'not JSON']) {
    sessionStorage.setItem('kakao-auth.code', text);
    expect(await tab(scriptedApi(), { kakao }).start()).toMatchObject({ status: 'anonymous', error: null });
    expect(sessionStorage).toHaveLength(0);
  }
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
] as const)('a login that meets %s is %s, can be tried again, and leaves the session that was there', async (_, kind, status, respond) => {
  const api = scriptedApi();
  const client = await signedInTab(api);
  api.instead.set(LOGIN, respond);
  vi.useFakeTimers();
  const failing = expect(client.exchange({ access_token: 'muzi' })).rejects.toMatchObject({ code: kind, status });
  await vi.advanceTimersByTimeAsync(3_000);
  await failing;
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' }, error: { code: kind } });
  api.instead.clear();
  await client.exchange({ access_token: 'muzi' });
  expect(client.getState()).toMatchObject({ user: { pk: 'muzi' }, error: null });
});

test('a redirect whose code is refused leaves the session that this browser had', async () => {
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

test('a redirect whose code is refused leaves a stranger a stranger', async () => {
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
])('Kakao’s error %s (%s) is %s, without a request', async (error, description, kind) => {
  const api = scriptedApi();
  await sentBack({ error, ...(description && { error_description: description }) });
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'anonymous', error: { code: kind } });
  expect(api.calls).toHaveLength(0);
  expect(location.pathname).toBe('/cart');
});

test.each(['forged', '__proto__', 'constructor', '0'])('the forged state %s sends nothing, and the code leaves the address', async (state) => {
  const api = scriptedApi();
  await authorizeUrl(kakao, flags('kakao-auth'), '/');
  at(`/callback?code=theirs&state=${state}`);
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'anonymous', error: { code: 'state' } });
  expect(api.calls).toHaveLength(0);
  expect(location.href).toBe('http://localhost:5173/callback');
});

test('a state is good once, and for ten minutes', async () => {
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

test('parameters of the same names on another page are left alone', async () => {
  at('/coupons?code=SPRING&state=used');
  const api = scriptedApi();
  expect(await tab(api, { kakao }).start()).toMatchObject({ status: 'anonymous', error: null });
  expect(location.search).toBe('?code=SPRING&state=used');
});

test('sign-ins that nobody finished are forgotten by the next one, but not one that is still on its way', async () => {
  await authorizeUrl(kakao, flags('kakao-auth'), '/');
  const [first] = begun();
  localStorage.setItem('kakao-auth.login', JSON.stringify([{ ...first, state: 'old', startedAt: 0 }, first]));
  await authorizeUrl(kakao, flags('kakao-auth'), '/');
  expect(begun().map(({ state }) => state)).toEqual([first!.state, expect.any(String)]);
  localStorage.setItem('kakao-auth.login', 'not JSON');
  await authorizeUrl(kakao, flags('kakao-auth'), '/');
  expect(begun()).toHaveLength(1);
});

test('Kakao is asked who somebody is and nothing else, unless the app says so', async () => {
  const scope = async (options: typeof kakao & { scope?: string }) => new URL(await authorizeUrl(options, flags('kakao-auth'), '/')).searchParams.get('scope');
  expect(await scope(kakao)).toBe('openid');
  expect(await scope({ ...kakao, scope: 'openid,account_email' })).toBe('openid,account_email');
});

const FOREIGN = [
  'https://evil.example/cart', '//evil.example/cart', '/\\evil.example/cart', '\\\\evil.example/cart', 'https:\\\\evil.example/cart', '\t//evil.example/cart',
  'http://localhost:5174/cart', 'https://localhost:5173/cart', 'http:\\\\evil.example\\cart', 'http://localhost:5173@evil.example/cart',
  'blob:http://localhost:5173/0-1-2', 'blob:https://evil.example/0-1-2', 'data:text/html,x', 'javascript:alert(1)', 'java\nscript:alert(1)',
  'file:///etc/passwd', 'about:blank', 'mailto:ryan@example.com', 'tel:114', 'kakaotalk://inappbrowser', 'http://', 'http://[', 'https://%', '//',
];
test.each(FOREIGN)('nobody is returned to %j: the login goes on, and back to the start page', async (path) => {
  await sentBack({ code: 'ryan' }, path);
  let returned = '';
  expect(await tab(scriptedApi(), { kakao, onReturn: (to) => (returned = to) }).start()).toMatchObject({ status: 'authenticated' });
  expect(returned).toBe('/');
  expect(location.href).toBe('http://localhost:5173/');
});

test.each([
  ['/cart?a=1#b', '/cart?a=1#b'],
  ['http://localhost:5173/cart', '/cart'],
  ['HTTP://LOCALHOST:5173/cart', '/cart'],
  ['http://ryan:secret@localhost:5173/cart', '/cart'],
  ['/.//evil.example/', '/evil.example/'],
  ['/cart\\..\\shop', '/shop'],
  ['shop', '/here/shop'],
  ['?page=2', '/here/there?page=2'],
  ['', '/here/there'],
])('%j is a path of this site: the person is returned to %s', async (path, expected) => {
  at('/here/there');
  await sentBack({ code: 'ryan' }, path);
  let returned = '';
  await tab(scriptedApi(), { kakao, onReturn: (to) => (returned = to) }).start();
  expect(returned).toBe(expected);
});

test('a path that was stored by something else is checked again', async () => {
  await sentBack({ code: 'ryan' });
  for (const returnTo of ['https://evil.example/', 'blob:http://localhost:5173/0', undefined]) {
    localStorage.setItem('kakao-auth.login', JSON.stringify([{ ...begun()[0], returnTo }]));
    at(`/callback?code=ryan&state=${begun()[0]!.state}`);
    expect(await tab(scriptedApi(), { kakao }).start()).toMatchObject({ status: 'authenticated' });
    expect(location.origin + location.search).toBe('http://localhost:5173');
    await sentBack({ code: 'ryan' });
  }
});

test('with dj-rest-auth’s paths, an answer without a user is completed from the profile', async () => {
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
])('a sign-in whose profile request meets %s is unavailable, not half done', async (_, respond) => {
  const api = scriptedApi();
  api.terse = true;
  api.instead.set('/auth/profile', respond);
  const client = tab(api);
  await expect(client.exchange({ access_token: 'muzi' })).rejects.toMatchObject({ code: 'unavailable' });
  expect(client.getState().status).not.toBe('authenticated');
});

/** Kakao's page as part of this one: jsdom goes to no other. */
const nearby = { ...kakao, authorizeUrl: '#kakao' };
const isAtKakao = () => location.hash.startsWith('#kakao?response_type=code');

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
])('login() leaves for Kakao though the request that starts the login function %s', async (_, fetch) => {
  const client = tab(scriptedApi(), { kakao: nearby, fetch });
  await client.login();
  expect(isAtKakao()).toBe(true);
  expect(client.getState()).toMatchObject({ status: 'unknown', error: null });
  expect(client.events).toEqual([]);
});

test('login() starts no function where it does not leave for Kakao, and none of dj-rest-auth', async () => {
  const api = scriptedApi();
  await expect(tab(api).login()).rejects.toThrow('needs the option `kakao`');
  await expect(tab(api, { kakao: { ...kakao, authorizeUrl: 'https://' } }).login()).rejects.toThrow();
  await tab(api, { kakao: nearby, paths: 'dj-rest-auth' }).login();
  expect(isAtKakao()).toBe(true);
  expect(api.calls).toEqual([]);
});
