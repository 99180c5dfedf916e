import { expect, test } from 'vitest';
import { messages, tab } from '../scripted.js';
import { confirmed, linkedApi, type LinkedApi, LOGIN, LOGOUT, REFRESH } from './linked-api.js';
import { storage } from './storage.js';

const ALL = `${LOGOUT}?scope=all`;
const OTHERS = `${LOGOUT}?scope=others`;

async function linkedTab(api: LinkedApi) {
  const client = tab(api);
  await client.exchange({ access_token: 'ryan' });
  api.begin('another device');
  api.pass();
  api.calls.length = 0;
  return client;
}

test('a logout needs no link, and removes the record when it is answered', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  expect(await client.logout()).toBe(true);
  expect(api.sent(LOGOUT)).toEqual([{}]);
  await expect.poll(() => disk.entries()).toEqual([]);
});

test('a logout does not wait for the storage', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  disk.fault = 'hang';
  expect(await client.logout()).toBe(true);
  expect(api.sid).toBe(null);
});

test('a logout without a response keeps the record until it is sent again, also after a reload', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.next(LOGOUT, api.responseLost);
  expect(await client.logout()).toBe(false);
  expect(await disk.records()).toEqual(['session-1']);
  client.dispose();
  expect(await tab(api).start()).toMatchObject({ status: 'anonymous' });
  await expect.poll(() => disk.entries()).toEqual([]);
  expect(api.count(REFRESH)).toBe(0);
  expect(Object.keys(localStorage)).toEqual([]);
});

test('the record of a session that another tab has begun meanwhile stays', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.next(LOGOUT, async (serve) => {
    const { response } = serve();
    await tab(api).exchange({ access_token: 'muzi' });
    return response;
  });
  await client.logout();
  await messages();
  expect(await disk.records()).toEqual(['session-2']);
  api.pass();
  await client.refresh();
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'muzi' } });
});

test('a logout everywhere and one of other devices send the session’s links', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  expect(await client.logout({ scope: 'others' })).toBe(true);
  expect([...api.chains.keys()]).toEqual(['session-1']);
  expect(await disk.records(), 'the session goes on').toEqual(['session-1']);
  expect(await client.refresh()).toBeTruthy();
  api.pass();
  expect(await client.logout({ scope: 'all' })).toBe(true);
  expect(api.chains.size).toBe(0);
  for (const path of [OTHERS, ALL]) expect(api.sent(path)).toMatchObject([{ link: { prev: expect.any(String), next: expect.any(String) } }]);
  await expect.poll(() => disk.entries()).toEqual([]);
});

test('the link that a logout has sent is sent by the next refresh too', async () => {
  storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  await client.logout({ scope: 'others' });
  await client.refresh();
  expect(api.sent(REFRESH)[0]!.link).toEqual(api.sent(OTHERS)[0]!.link);
});

test('a logout everywhere tries the other records after a 403', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  await disk.restore([{ key: 'older', prev: confirmed('older', 0, 'AAAAAAAAAAAAAAAAAAAAAA') }, ...(await disk.entries())]);
  expect(await client.logout({ scope: 'all' })).toBe(true);
  expect(api.count(ALL)).toBe(2);
  expect(api.chains.size).toBe(0);
});

test('a logout everywhere without a response is sent with its links after a reload, and before a login', async () => {
  storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.next(ALL, api.requestLost, api.requestLost, api.requestLost);
  expect(await client.logout({ scope: 'all' })).toBe(false);
  client.dispose();
  const next = tab(api);
  // Sent when the page starts, and before the login.
  await expect(next.exchange({ access_token: 'muzi' })).rejects.toMatchObject({ code: 'unavailable' });
  expect(api.count(LOGIN)).toBe(0);
  await next.exchange({ access_token: 'muzi' });
  expect([...api.chains.keys()]).toEqual(['session-2']);
  expect(new Set(api.sent(ALL).map(({ link }) => JSON.stringify(link))).size).toBe(1);
});

test('without the links, a logout everywhere logs this browser out, says that it is not confirmed, and blocks no login', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  await disk.restore([]);
  expect(await client.logout({ scope: 'all' })).toBe(false);
  expect([...api.chains.keys()]).toContain('another device');
  client.dispose();
  const next = tab(api);
  await next.start();
  await expect.poll(() => api.sid).toBe(null);
  await next.exchange({ access_token: 'muzi' });
  expect(next.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'muzi' }, error: null });
  expect(api.count(ALL)).toBe(1);
});

test('without the links, a login after a logout everywhere is not blocked for ever', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.next(ALL, api.requestLost);
  await client.logout({ scope: 'all' });
  client.dispose();
  await disk.restore([]);
  const next = tab(api);
  await next.exchange({ access_token: 'muzi' }).catch(() => {});
  await next.exchange({ access_token: 'muzi' });
  expect(next.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'muzi' }, error: null });
});

test('without the links, a logout of other devices resolves to false, and the session goes on', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  const before = await disk.entries();
  await disk.restore([]);
  expect(await client.logout({ scope: 'others' })).toBe(false);
  expect(client.getState()).toMatchObject({ status: 'authenticated' });
  expect(localStorage.getItem('kakao-auth.logout'), 'nothing is sent later').toBe(null);
  await disk.restore(before);
  expect(await client.refresh()).toBeTruthy();
  expect(api.count(LOGOUT)).toBe(0);
});

test('the end of this session from the list of devices is a logout', async () => {
  storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  await client.endSession('session-1');
  expect(client.getState().status).toBe('anonymous');
  expect(api.calls.map(({ path }) => path)).toEqual([LOGOUT]);
});

test('a deletion of the account removes the record', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  await client.deleteAccount();
  await expect.poll(() => disk.entries()).toEqual([]);
  expect(client.getState().status).toBe('anonymous');
});

test('a logout during a login wins, and what the login has stored is not used', async () => {
  storage();
  const api = linkedApi();
  const client = tab(api);
  await client.start();
  let release = () => {};
  api.next(LOGIN, async (serve) => {
    await new Promise<void>((resolve) => (release = resolve));
    return api.arrives(serve);
  });
  const loggingIn = client.exchange({ access_token: 'ryan' });
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  const leaving = client.logout();
  release();
  await expect(loggingIn).rejects.toMatchObject({ code: 'rejected' });
  expect(await leaving).toBe(true);
  expect(api.sid).toBe(null);
  expect(await client.getToken()).toBe(null);
});
