// @vitest-environment node
import { beforeEach, expect, test } from 'vitest';
import { getServerUser } from '../src/server.js';

const USER = { pk: 'ryan', nickname: '라이언' };
const COOKIE = '__Host-Http-refresh_token=AQ';
const baseUrl = 'http://api.internal';
let requests: Request[];
let respond: (request: Request) => Response | Promise<Response>;
const answer = (status: number, body: unknown) => Response.json(body, { status });
const ask: typeof fetch = async (input, init) => {
  const request = new Request(input, init);
  requests.push(request);
  return respond(request);
};
const options = { baseUrl, fetch: ask };
const cookies = () => requests.map(({ headers }) => headers.get('cookie'));

beforeEach(() => {
  requests = [];
  respond = () => answer(200, USER);
});

test('a server learns the user from the page’s request, and passes on no other cookie', async () => {
  const headers = new Headers({ cookie: `theme=dark; ${COOKIE}; cart=7; __Host-Http-refresh_token_2=x`, authorization: 'Bearer other' });
  expect(await getServerUser(headers, { baseUrl: `${baseUrl}/`, fetch: ask })).toEqual(USER);
  expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([`GET ${baseUrl}/auth/session`]);
  expect([...requests[0]!.headers]).toEqual([['cookie', COOKIE]]);
});

test('the cookie may be given as a text, and is `refresh_token` in development', async () => {
  expect(await getServerUser('a=b; refresh_token=AQ', options)).toEqual(USER);
  expect(cookies()).toEqual(['refresh_token=AQ']);
});

test('several cookies of ours are all passed on, and the API decides', async () => {
  await getServerUser(`refresh_token=old; ${COOKIE}`, options);
  expect(cookies()).toEqual([`refresh_token=old; ${COOKIE}`]);
});

test('without our cookie nobody is asked', async () => {
  expect(await getServerUser('theme=dark', options)).toBe(null);
  expect(await getServerUser(new Headers(), options)).toBe(null);
  expect(requests).toHaveLength(0);
});

test.each<[string, typeof respond]>([
  ['the session has ended', () => answer(401, { code: 'token_not_valid', detail: 'The session has ended.' })],
  ['the session is linked', () => answer(403, { code: 'link_required', detail: 'Send the link.', session: 's' })],
  ['the API is busy', () => answer(503, USER)],
  ['a proxy answers with a page', () => new Response('<html>Wi-Fi</html>')],
  ['a body is not a user', () => answer(200, { hello: 'world' })],
  ['a body is null', () => answer(200, null)],
  ['the API cannot be reached', () => Promise.reject(new TypeError('fetch failed'))],
])('the user is not known if %s', async (_, how) => {
  respond = how;
  expect(await getServerUser(COOKIE, options)).toBe(null);
  expect(requests).toHaveLength(1);
});

test('a page does not wait longer than `timeoutMs` for the API', async () => {
  respond = ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  expect(await getServerUser(COOKIE, { ...options, timeoutMs: 50 })).toBe(null);
});

test('the response is kept by no cache, and no redirect takes the cookie elsewhere', async () => {
  await getServerUser(COOKIE, options);
  expect(requests.map(({ cache, redirect }) => [cache, redirect])).toEqual([['no-store', 'error']]);
});
