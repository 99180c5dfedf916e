import { expect, test, vi } from 'vitest';
import { messages, tab } from '../scripted.js';
import { linkedApi, type LinkedApi, LOGIN, LOGOUT, REFRESH } from './linked-api.js';
import { type Fault, storage } from './storage.js';

const loggedIn = { status: 'authenticated', error: null };
const RYAN = { access_token: 'ryan' };

async function linkedTab(api: LinkedApi) {
  const client = tab(api);
  await client.exchange(RYAN);
  api.pass();
  api.calls.length = 0;
  return client;
}

/** Timers stand still. What does not respond for two seconds is waited for. */
const still = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
async function waitedFor<T>(work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = () => void (isDone = true);
  work.then(done, done);
  while (!isDone) {
    await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
    await vi.advanceTimersByTimeAsync(100);
  }
  return work;
}

test.each<[string, () => void]>([
  ['there is no IndexedDB', () => {}],
  ['IndexedDB is null', () => vi.stubGlobal('indexedDB', null)],
  ['IndexedDB throws', () => void (storage().fault = 'refuse')],
  ['IndexedDB refuses', () => void (storage().fault = 'deny')],
  ['IndexedDB is broken', () => void (storage().fault = 'fail')],
  ['the disk is full', () => void (storage().fault = 'abort')],
])('where %s, the session rotates: login and refresh have no link', async (_, prepare) => {
  prepare();
  const api = linkedApi();
  const client = tab(api);
  await client.exchange(RYAN);
  await client.refresh();
  client.dispose();
  const reloaded = tab(api);
  expect(await reloaded.start()).toMatchObject(loggedIn);
  expect([...api.sent(LOGIN), ...api.sent(REFRESH)].map(({ link }) => link)).toEqual([undefined, undefined, undefined]);
  expect(await reloaded.logout()).toBe(true);
});

test('where IndexedDB does not respond, the login has no link after two seconds', async () => {
  still();
  storage().fault = 'hang';
  const api = linkedApi();
  const client = tab(api);
  const loggingIn = client.exchange(RYAN);
  await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0));
  expect(api.count(LOGIN)).toBe(0);
  await waitedFor(loggingIn);
  expect(api.sent(LOGIN).map(({ link }) => link)).toEqual([undefined]);
  await waitedFor(client.refresh());
  expect(client.getState()).toMatchObject(loggedIn);
});

test.each<Fault>(['fail', 'hang', 'abort'])('a linked session whose links cannot be read or stored (%s) is unavailable, never logged out', async (fault) => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  still();
  disk.fault = fault;
  const token = await client.getToken();
  await expect(waitedFor(client.refresh())).rejects.toMatchObject({ code: 'unavailable' });
  expect(client.getState()).toMatchObject({ status: 'authenticated', error: { code: 'unavailable' } });
  expect(await client.getToken()).toBe(token);
  expect(api.sent(REFRESH).map(({ link }) => link)).toEqual([undefined]);
  client.dispose();

  const reloaded = tab(api);
  expect(await waitedFor(reloaded.start())).toMatchObject({ status: 'unknown', error: { code: 'unavailable' } });
  expect(localStorage.getItem('kakao-auth.session')).not.toBe(null);
  disk.fault = undefined;
  await waitedFor(reloaded.refresh());
  expect(reloaded.getState()).toMatchObject(loggedIn);
  expect(api.count(LOGOUT)).toBe(0);
});

test.each<Fault>(['refuse', 'deny'])('a linked session in a browser that refuses IndexedDB by now (%s) costs one login', async (fault) => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  disk.fault = fault;
  expect(await client.refresh()).toBe(null);
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: { code: 'expired' } });
  await client.exchange(RYAN);
  expect(await client.refresh()).toBeTruthy();
  expect(client.getState()).toMatchObject(loggedIn);
});

test.each<Fault>(['refuse', 'fail', 'abort'])('a confirmation that cannot be stored (%s) costs nothing: the next refresh repeats this one', async (fault) => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.next(REFRESH, (serve) => ((disk.fault = fault), api.arrives(serve)));
  await client.refresh();
  expect(client.getState()).toMatchObject(loggedIn);
  disk.fault = undefined;
  api.pass();
  await client.refresh();
  api.pass();
  await client.refresh();
  const [first, second, third] = api.sent(REFRESH).map(({ link }) => link);
  expect(second).toEqual(first);
  expect(third).not.toEqual(first);
  expect(client.getState()).toMatchObject(loggedIn);
});

test.each<Fault>(['fail', 'abort'])('a login whose confirmation cannot be stored (%s) is renewed with the link of the login', async (fault) => {
  const disk = storage();
  const api = linkedApi();
  api.next(LOGIN, (serve) => ((disk.fault = fault), api.arrives(serve)));
  const client = tab(api);
  await client.exchange(RYAN);
  expect(client.getState()).toMatchObject(loggedIn);
  disk.fault = undefined;
  await client.refresh();
  expect(client.getState()).toMatchObject(loggedIn);
  expect(await disk.records()).toEqual(['session-1']);
});

test('a 409 while the storage does not respond logs nobody out', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.grow('session-1', 'BBBBBBBBBBBBBBBBBBBBBA', 'BBBBBBBBBBBBBBBBBBBBBQ');
  still();
  api.next(REFRESH, (serve) => ((disk.fault = 'hang'), api.arrives(serve)));
  await expect(waitedFor(client.refresh())).rejects.toMatchObject({ code: 'unavailable' });
  expect(client.getState()).toMatchObject({ status: 'authenticated', error: { code: 'unavailable' } });
  expect(api.count(LOGOUT)).toBe(0);
});

test('a disk that is put back costs one login at most, and nothing is stuck', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  const old = await disk.entries();
  for (let n = 0; n < 4; n++) {
    await client.refresh();
    api.pass();
  }
  client.dispose();
  await disk.restore(old);
  const reloaded = tab(api);
  expect(await reloaded.start()).toMatchObject({ status: 'anonymous', error: { code: 'expired' } });
  await reloaded.exchange(RYAN);
  api.pass();
  await reloaded.refresh();
  expect(reloaded.getState()).toMatchObject(loggedIn);
});

test('a disk that is put back by one refresh costs nothing', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  let old = await disk.entries();
  // The state after `next` was stored: the response was stored and lost again.
  api.next(REFRESH, async (serve) => ((old = await disk.entries()), api.arrives(serve)));
  await client.refresh();
  client.dispose();
  await disk.restore(old);
  api.pass();
  const reloaded = tab(api);
  expect(await reloaded.start()).toMatchObject(loggedIn);
});

test('a browser without a login opens no database', async () => {
  const disk = storage();
  disk.fault = 'refuse';
  const open = vi.spyOn(indexedDB, 'open');
  expect(await tab(linkedApi()).start()).toMatchObject({ status: 'anonymous', error: null });
  expect(open).not.toHaveBeenCalled();
});

test('the database can be deleted while a page is open', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  await disk.remove();
  await messages();
  await client.refresh();
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: { code: 'expired' } });
  await client.exchange(RYAN);
  expect(client.getState()).toMatchObject(loggedIn);
});

test('each transaction is durable when it completes', async () => {
  storage();
  const begun = vi.fn();
  const { open } = indexedDB;
  vi.spyOn(indexedDB, 'open').mockImplementation((...names) => {
    const request = open(...names);
    request.addEventListener('success', () => {
      const { transaction } = request.result;
      request.result.transaction = (...options: Parameters<typeof transaction>) => (begun(options.slice(1)), transaction.apply(request.result, options));
    });
    return request;
  });
  const api = linkedApi();
  await (await linkedTab(api)).refresh();
  expect(begun.mock.calls.length).toBeGreaterThan(3);
  for (const [options] of begun.mock.calls) expect(options).toEqual(['readwrite', { durability: 'strict' }]);
});
