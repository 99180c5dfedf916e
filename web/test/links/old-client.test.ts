/** A tab of the version before linked sessions, beside this one: it sends no links, and knows no 403 and no `sid`. */

import { afterEach, expect, test } from 'vitest';
import { messages, tab } from '../scripted.js';
import { linkedApi, LOGOUT, REFRESH } from './linked-api.js';
import { storage } from './storage.js';

const loggedIn = { status: 'authenticated', error: null };
const old = new BroadcastChannel('kakao-auth');
afterEach(() => void (old.onmessage = null));

test('an older tab gets the token of a newer one', async () => {
  storage();
  const client = tab(linkedApi());
  const heard: { type: string; session: object }[] = [];
  old.onmessage = ({ data }) => heard.push(data);
  await client.exchange({ access_token: 'ryan' });
  await messages();
  expect(heard.filter(({ type }) => type === 'session')).toMatchObject([{ session: { id: expect.any(String), access: expect.any(String), user: { pk: 'ryan' } } }]);
});

test('a newer tab takes an older one’s session over, renews it, and logs it out', async () => {
  storage();
  const api = linkedApi();
  const client = tab(api);
  await client.start();
  api.sid = api.begin('rotating', { isLinked: false });
  localStorage.setItem('kakao-auth.session', 'theirs');
  old.postMessage({ type: 'session', session: { id: 'theirs', access: 'token', since: Date.now(), life: 300_000, user: { pk: 'ryan' } } });
  await messages();
  expect(client.getState()).toMatchObject(loggedIn);
  await client.refresh();
  expect(client.getState()).toMatchObject(loggedIn);
  old.postMessage({ type: 'session', session: { id: 'theirs', access: 'token', since: Date.now(), life: 300_000, user: { pk: 'ryan' } } });
  await messages();
  expect(await client.logout()).toBe(true);
  expect(api.sid).toBe(null);
});

test('an older tab’s refresh without a link, which gets a 403, does not disturb a linked session', async () => {
  storage();
  const api = linkedApi();
  const client = tab(api);
  await client.exchange({ access_token: 'ryan' });
  api.pass();
  const response = await api.fetch('https://api.example.com/auth/refresh', { method: 'POST', body: '{}' });
  expect(response.status).toBe(403);
  expect(await client.refresh()).toBeTruthy();
  expect(client.getState()).toMatchObject(loggedIn);
});

test('an older tab’s logout ends the session here, and its record does no harm to the next login', async () => {
  storage();
  const api = linkedApi();
  const client = tab(api);
  await client.exchange({ access_token: 'ryan' });
  api.chains.clear();
  api.sid = null;
  localStorage.clear();
  old.onmessage = null;
  old.postMessage({ type: 'end', id: null });
  old.postMessage({ type: 'end', id: await idOf(client) });
  await messages();
  expect(client.getState().status).toBe('anonymous');
  await client.exchange({ access_token: 'muzi' });
  api.pass();
  await client.refresh();
  expect(client.getState()).toMatchObject({ ...loggedIn, user: { pk: 'muzi' } });
});

/** What the tab tells another one. */
async function idOf(client: { getToken(): Promise<unknown> }): Promise<string> {
  await client.getToken();
  const heard = new Promise<string>((resolve) => (old.onmessage = ({ data }) => data.type === 'session' && resolve(data.session.id)));
  old.postMessage({ type: 'hello' });
  return heard;
}

test('an older tab’s pending logout everywhere, which gets a 403 there, is sent with the links here', async () => {
  storage();
  const api = linkedApi();
  const before = tab(api);
  await before.exchange({ access_token: 'ryan' });
  before.dispose();
  api.begin('another device');
  api.pass();
  localStorage.setItem('kakao-auth.logout', `${LOGOUT}?scope=all`);
  localStorage.removeItem('kakao-auth.session');
  const client = tab(api);
  expect(await client.start()).toMatchObject({ status: 'anonymous' });
  await expect.poll(() => api.chains.size).toBe(0);
  await expect.poll(() => localStorage.getItem('kakao-auth.logout')).toBe(null);
});

test('an older tab’s login rotates, and is renewed here beside the record of the session that it ended', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = tab(api);
  await client.exchange({ access_token: 'ryan' });
  const body = JSON.stringify({ access_token: 'muzi' });
  await api.fetch('https://api.example.com/auth/kakao', { method: 'POST', body });
  localStorage.setItem('kakao-auth.session', 'theirs');
  dispatchEvent(new Event('pageshow'));
  await expect.poll(() => client.getState().user?.pk).toBe('muzi');
  expect(await disk.records()).toEqual(['session-1']);
  await client.refresh();
  expect(client.getState()).toMatchObject(loggedIn);
  expect(api.count(REFRESH)).toBe(2);
});
