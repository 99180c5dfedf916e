/** The way back from Kakao's page: what is in the address, and when the app's router is told. */

import { expect, test } from 'vitest';
import { authorizeUrl } from '../src/leave.js';
import { pageStore } from '../src/page-store.js';
import { refusal, scriptedApi, tab } from './scripted.js';
import { at, kakao, LOGIN, sentBack } from './log-in/kakao.js';

const CART = '/cart?step=2#pay';
const here = () => location.href.slice(location.origin.length);

/** An API whose response to a login arrives when `release` is called. */
function slowApi(respond = (api: ReturnType<typeof scriptedApi>) => api.granted('ryan')) {
  const api = scriptedApi();
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  api.instead.set(LOGIN, () => released.then(() => respond(api)));
  return { api, release };
}

test('without `onReturn` the address is the page where the login started as soon as the client exists', async () => {
  await sentBack({ code: 'ryan' });
  tab(scriptedApi(), { kakao });
  expect(here()).toBe(CART);
});

test.each([
  ['has succeeded', undefined, { status: 'authenticated' }],
  ['was refused', () => refusal('kakao_rejected'), { status: 'anonymous', error: { code: 'rejected' } }],
])('a router is told the path when the login %s, not before; the code has left the address long ago', async (_, respond, state) => {
  await sentBack({ code: 'ryan' });
  const { api, release } = slowApi(respond);
  const told: string[] = [];
  const client = tab(api, { kakao, onReturn: (path) => told.push(path) });
  expect(here()).toBe('/callback');
  const starting = client.start();
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  expect(told).toEqual([]);
  release();
  expect(await starting).toMatchObject(state);
  expect(told).toEqual([CART]);
  expect(here(), 'the router goes there').toBe('/callback');
});

test('a router is told of a cancelled login too', async () => {
  await sentBack({ error: 'access_denied' });
  const told: string[] = [];
  const client = tab(scriptedApi(), { kakao, onReturn: (path) => told.push(path) });
  expect(await client.start()).toMatchObject({ error: { code: 'denied' } });
  expect(told).toEqual([CART]);
  expect(here()).toBe('/callback');
});

test('with `onReturn: true` a listener that is added later is told, once, even if it is added too late', async () => {
  await sentBack({ code: 'ryan' });
  const { api, release } = slowApi();
  const client = tab(api, { kakao, onReturn: true });
  expect(here()).toBe('/callback');
  const told: string[] = [];
  // React's StrictMode adds a listener, removes it, and adds it again.
  client.onReturn((path) => told.push(`removed ${path}`))();
  const remove = client.onReturn((path) => told.push(path));
  const starting = client.start();
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  release();
  await starting;
  expect(told).toEqual([CART]);
  remove();
  client.onReturn((path) => told.push(`again ${path}`));
  await client.getToken();
  expect(told, 'a component that is mounted again does not take the user back').toEqual([CART]);
});

test('a listener that is added after the login is told at once', async () => {
  await sentBack({ code: 'ryan' });
  const client = tab(scriptedApi(), { kakao, onReturn: true });
  await client.start();
  expect(await new Promise((resolve) => client.onReturn(resolve))).toBe(CART);
});

test('a listener of a page to which nobody has returned is not told', async () => {
  const told: string[] = [];
  const client = tab(scriptedApi(), { kakao, onReturn: (path) => told.push(path) });
  client.onReturn((path) => told.push(path));
  await client.start();
  await client.getToken();
  expect(told).toEqual([]);
});

test('a redirect URI that is a path belongs to this site: Kakao and the API get the whole address', async () => {
  const relative = { ...kakao, redirectUri: '/callback' };
  const url = new URL(await authorizeUrl(relative, pageStore('kakao-auth'), '/cart'));
  expect(url.searchParams.get('redirect_uri')).toBe('http://localhost:5173/callback');
  at(`/callback?code=ryan&state=${url.searchParams.get('state')}`);
  const api = scriptedApi();
  expect(await tab(api, { kakao: relative }).start()).toMatchObject({ status: 'authenticated' });
  expect(JSON.parse(api.calls[0]!.body)).toMatchObject({ redirect_uri: 'http://localhost:5173/callback' });
  at('/callback?code=theirs&state=forged');
  expect(await tab(scriptedApi(), { kakao: relative }).start()).toMatchObject({ error: { code: 'state' } });
});

test.each(['http://localhost:5173', 'https://www.example.com/callback?lang=ko'])('the redirect URI %s is sent as it is registered', async (redirectUri) => {
  const url = new URL(await authorizeUrl({ ...kakao, redirectUri }, pageStore('kakao-auth'), '/'));
  expect(url.searchParams.get('redirect_uri')).toBe(redirectUri);
});
