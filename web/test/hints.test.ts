import { beforeEach, expect, test, vi } from 'vitest';
import type { AuthClientOptions } from '../src/index.js';
import { answer, networkError, page, scriptedApi, tab } from './scripted.js';
import { kakao, sentBack } from './log-in/kakao.js';

const LOGIN = '/auth/kakao';
const RYAN = { access_token: 'ryan' };
const refusedOrigin = () => answer(403, { code: 'origin_not_allowed', detail: 'No.' });

/** Each remedy is said once in a page: a test is a new page. */
beforeEach(() => vi.resetModules());

function listen() {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  return () => warn.mock.calls.map(([text]) => text as string);
}

async function failing(respond: (call: { method: string }) => Response | Promise<Response>, options: Partial<AuthClientOptions> = {}) {
  const said = listen();
  const api = scriptedApi();
  api.instead.set(LOGIN, respond);
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const failed = tab(api, { debug: true, ...options }).exchange(RYAN).catch(() => {});
  let isDone = false;
  void failed.then(() => (isDone = true));
  while (!isDone) await vi.advanceTimersByTimeAsync(100);
  vi.useRealTimers();
  return { api, said };
}

/** What a browser does with the response of an API that does not allow the page's origin. */
const withoutCors = ({ method }: { method: string }) => (method === 'GET' ? new Response() : networkError());

test.each([
  ['an API that the browser keeps from the page', withoutCors, /does not accept calls from http:\/\/localhost:5173\. Add .* AllowedOrigins/],
  ['an API that refuses the origin', refusedOrigin, /AllowedOrigins/],
  ['an API that does not know the redirect URI', () => answer(400, { code: 'invalid_request', detail: '`redirect_uri` is not one of this app\'s.' }), /RedirectUris/],
  ['no API', networkError, /no response from https:\/\/api\.example\.com.*baseUrl/],
  ['another site with a page', () => page(200), /https:\/\/api\.example\.com responds with 200.*baseUrl/],
  ['another API', () => answer(404, { message: 'Not Found' }), /responds with 404.*baseUrl/],
])('the console names the remedy for %s', async (_, respond, remedy) => {
  const { said } = await failing(respond);
  await expect.poll(said).toEqual([expect.stringMatching(remedy)]);
});

test('the question whether there is an API carries no cookie and needs no preflight', async () => {
  const { api, said } = await failing(withoutCors);
  await expect.poll(said).toHaveLength(1);
  expect(api.calls.filter(({ method }) => method === 'GET')).toMatchObject([{ path: LOGIN, credentials: 'omit', body: '' }]);
});

test('an insecure context is named', async () => {
  vi.stubGlobal('isSecureContext', false);
  const { said } = await failing(networkError);
  await expect.poll(said).toEqual([expect.stringMatching(/https or on http:\/\/localhost/)]);
});

test('a redirect to another origin than the one that the login left is named', async () => {
  await sentBack({ code: 'ryan', state: 'forged' });
  const said = listen();
  await tab(scriptedApi(), { kakao, debug: true }).start();
  await expect.poll(said).toEqual([expect.stringMatching(/kakao\.redirectUri.*127\.0\.0\.1/)]);
});

test.each([
  ['a 503 of the API', () => answer(503, { code: 'unavailable', detail: 'Try again.' })],
  ['a gateway’s 502', () => page(502)],
  ['dj-rest-auth’s refusal', () => answer(400, { non_field_errors: ['No.'] })],
  ['a refused login', () => answer(400, { code: 'kakao_rejected', detail: 'No.' })],
])('%s needs no remedy', async (_, respond) => {
  const { said } = await failing(respond);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(said()).toEqual([]);
});

test('a remedy is said once', async () => {
  const said = listen();
  const api = scriptedApi();
  api.instead.set(LOGIN, refusedOrigin);
  const client = tab(api, { debug: true });
  for (let n = 0; n < 3; n++) await client.exchange(RYAN).catch(() => {});
  await expect.poll(said).toHaveLength(1);
});

/** Whether a client of a page at `address` explains a failure. */
async function isExplained(address: Partial<Location>, options: Partial<AuthClientOptions>): Promise<boolean> {
  vi.stubGlobal('location', { ...address, href: 'http://localhost:5173/', origin: 'http://localhost:5173' });
  const said = listen();
  const api = scriptedApi();
  api.instead.set(LOGIN, refusedOrigin);
  const { debug, ...client } = { debug: undefined, ...options };
  const { createAuthClient } = await import('../src/index.js');
  const auth = createAuthClient({ baseUrl: 'https://api.example.com', fetch: api.fetch, ...client, ...(debug !== undefined && { debug }) });
  await auth.exchange(RYAN).catch(() => {});
  auth.dispose();
  await new Promise((resolve) => setTimeout(resolve, 50));
  return said().length > 0;
}

test.each(['localhost', '127.0.0.1', '127.1.2.3', '[::1]', '192.168.0.7', 'ryans-mac.local'])('failures at %s are explained, unless `debug` is false', async (hostname) => {
  vi.spyOn(console, 'debug').mockImplementation(() => {});
  expect(await isExplained({ hostname }, {})).toBe(true);
  vi.restoreAllMocks();
  vi.resetModules();
  expect(await isExplained({ hostname }, { debug: false })).toBe(false);
});

test.each(['www.example.com', 'localhost.example.com', 'my-localhost', '1.example.com'])('failures at %s are explained only if `debug` is true', async (hostname) => {
  vi.spyOn(console, 'debug').mockImplementation(() => {});
  expect(await isExplained({ hostname }, {})).toBe(false);
  expect(await isExplained({ hostname }, { debug: true })).toBe(true);
});

test('with `debug` the console shows what happens, without a token', async () => {
  const debug = vi.spyOn(console, 'debug').mockImplementation(() => {});
  const client = tab(scriptedApi(), { debug: true });
  await client.exchange(RYAN);
  await client.refresh();
  await client.logout();
  expect(debug.mock.calls).toEqual([
    ['kakao-login-web', 'logged-in', 'network'],
    ['kakao-login-web', 'refreshed', 'network'],
    ['kakao-login-web', 'logged-out', 'page'],
  ]);
});
