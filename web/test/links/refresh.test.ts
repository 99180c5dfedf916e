import { expect, test, vi } from 'vitest';
import { answer, comeBack, messages, networkError, page, tab } from '../scripted.js';
import { confirmed, held, linkedApi, type LinkedApi, LOGOUT, read, REFRESH } from './linked-api.js';
import { storage } from './storage.js';

const COFFEE = { access_token: 'ryan' };
const HOUR = 3_600_000;

/** A tab with a linked session, whose chain may grow at once. */
async function linkedTab(api: LinkedApi) {
  const client = tab(api);
  await client.exchange(COFFEE);
  api.pass();
  api.calls.length = 0;
  client.events.length = 0;
  return client;
}

/** The same browser after a reload of this page. */
async function reloaded(api: LinkedApi, before?: { dispose(): void }) {
  before?.dispose();
  const client = tab(api);
  await client.start();
  return client;
}

const links = (api: LinkedApi) => api.sent(REFRESH).map(({ link }) => link);
const numbers = (api: LinkedApi) => links(api).map((link) => (link?.prev ? read(link.prev).number : null));
const expired = { status: 'anonymous', error: { code: 'expired' } };

test('each refresh sends the last confirmed link and a new one', async () => {
  storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  for (let n = 0; n < 3; n++) {
    await client.refresh();
    api.pass();
  }
  expect(numbers(api)).toEqual([0, 1, 2]);
  expect(new Set(links(api).map((link) => link?.next)).size).toBe(3);
  for (const link of links(api)) expect(link?.next).toMatch(/^[\w-]{21}[AQgw]$/);
});

test('a link is on the disk before it is sent', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  let stored: unknown;
  api.next(REFRESH, async (serve) => {
    stored = (await disk.entries())[0]?.next;
    return api.arrives(serve);
  });
  await client.refresh();
  expect(stored).toBe(links(api)[0]!.next);
});

test('the confirmation is on the disk before the page shows the session', async () => {
  const disk = storage();
  const api = linkedApi();
  await (await linkedTab(api)).refresh();
  api.pass();
  const client = tab(api);
  const before = await disk.entries();
  let atLogin: unknown;
  client.subscribe(() => (atLogin ??= disk.entries()));
  localStorage.setItem('kakao-auth.session', 'another tab');
  vi.stubGlobal('BroadcastChannel', undefined);
  await client.start();
  expect(await atLogin).not.toEqual(before);
  expect(read(((await atLogin) as { prev: string }[])[0]!.prev).number).toBe(2);
});

test.each([0, 1, 12])('a response that is lost is asked for again with the same links after %i h and a reload', async (hours) => {
  vi.useFakeTimers({ toFake: ['Date'] });
  storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.next(REFRESH, api.responseLost);
  await expect(client.refresh()).rejects.toMatchObject({ code: 'unavailable' });
  client.dispose();
  vi.setSystemTime(Date.now() + hours * HOUR);
  const again = await reloaded(api);
  expect(again.getState()).toMatchObject({ status: 'authenticated', error: null });
  expect(links(api)[1]).toEqual(links(api)[0]);
});

test('a request that is lost is sent again with the same links', async () => {
  storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.next(REFRESH, api.requestLost);
  await expect(client.refresh()).rejects.toMatchObject({ code: 'unavailable' });
  await client.refresh();
  expect(links(api)[1]).toEqual(links(api)[0]);
  expect(client.getState()).toMatchObject({ status: 'authenticated', error: null });
});

test('a response that is asked for again after a long silence is followed by a renewal, so that the session lives on', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.next(REFRESH, api.responseLost);
  await expect(client.refresh()).rejects.toThrow();
  client.dispose();
  vi.setSystemTime(Date.now() + HOUR);
  await reloaded(api);
  await expect.poll(() => numbers(api)).toEqual([0, 0, 1]);
  await messages();
  expect(numbers(api), 'one').toHaveLength(3);
});

test('a response that is asked for again at once is not followed by a renewal', async () => {
  storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.next(REFRESH, api.responseLost);
  await expect(client.refresh()).rejects.toThrow();
  await client.refresh();
  await messages();
  expect(numbers(api)).toEqual([0, 0]);
});

test('a chain that may not grow yet keeps its next link', async () => {
  storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  await client.refresh();
  await client.refresh();
  api.pass();
  await client.refresh();
  expect(numbers(api)).toEqual([0, 1, 1]);
  expect(links(api)[2]).toEqual(links(api)[1]);
});

test('without locks, tabs that refresh at once send the same links', async () => {
  storage();
  const api = linkedApi();
  const first = await linkedTab(api);
  const second = await reloaded(api);
  await Promise.all([first.refresh(), second.refresh()]);
  expect(links(api)[1]).toEqual(links(api)[0]);
  for (const client of [first, second]) expect(client.getState()).toMatchObject({ status: 'authenticated', error: null });
});

test('a response that arrives after a newer one changes nothing', async () => {
  const disk = storage();
  const api = linkedApi();
  const first = await linkedTab(api);
  const second = await reloaded(api);
  const late = held(api.arrives);
  api.next(REFRESH, late.step);
  const slow = first.refresh();
  await expect.poll(() => api.count(REFRESH)).toBe(1);
  for (let n = 0; n < 2; n++) {
    await second.refresh();
    api.pass();
  }
  const before = await disk.entries();
  late.release();
  await slow;
  expect(await disk.entries()).toEqual(before);
  await second.refresh();
  expect(second.getState()).toMatchObject({ status: 'authenticated', error: null });
});

test('a slower tab’s 409 is ignored: it asks again with what is stored', async () => {
  storage();
  const api = linkedApi();
  const first = await linkedTab(api);
  const second = await reloaded(api);
  const late = async (serve: Parameters<typeof api.arrives>[0]) => {
    // On its way it is overtaken by three others.
    for (let n = 0; n < 3; n++) {
      await second.refresh();
      api.pass();
    }
    return api.arrives(serve);
  };
  api.next(REFRESH, late);
  await first.refresh();
  await messages();
  for (const client of [first, second]) expect(client.getState()).toMatchObject({ status: 'authenticated', error: null });
  expect(api.count(LOGOUT)).toBe(0);
});

test('two 409s in a row are ignored too, if the storage has changed each time', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  const overtaken = async () => {
    const [entry] = await disk.entries();
    await disk.restore([{ key: entry!.key, prev: entry!.prev }]);
    return answer(409, { code: 'link_stale', detail: 'No.' });
  };
  api.next(REFRESH, overtaken, overtaken);
  expect(await client.refresh()).toBeTruthy();
  expect(api.count(REFRESH)).toBe(3);
  expect(client.getState()).toMatchObject({ status: 'authenticated', error: null });
});

test('a chain that has gone on without this browser is logged out, the copy with it', async () => {
  const disk = storage();
  const api = linkedApi();
  const [first, second] = [await linkedTab(api), await reloaded(api)];
  api.grow('session-1', 'BBBBBBBBBBBBBBBBBBBBBA', 'BBBBBBBBBBBBBBBBBBBBBQ');
  expect(await first.refresh()).toBe(null);
  await expect.poll(() => api.chains.size).toBe(0);
  await messages();
  expect(first.getState()).toMatchObject({ ...expired, error: { status: 409 } });
  expect(second.getState().status).toBe('anonymous');
  expect(await disk.entries()).toEqual([]);
  expect(Object.keys(localStorage)).toEqual([]);
});

test('the logout of a copy is sent later if it gets no response', async () => {
  storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.grow('session-1', 'BBBBBBBBBBBBBBBBBBBBBA', 'BBBBBBBBBBBBBBBBBBBBBQ');
  api.next(LOGOUT, api.requestLost);
  await client.refresh();
  await expect.poll(() => api.count(LOGOUT)).toBe(1);
  expect(api.chains.size).toBe(1);
  await reloaded(api, client);
  await expect.poll(() => api.chains.size).toBe(0);
});

test('a fork ends the session, and its record goes', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.grow('session-1', 'BBBBBBBBBBBBBBBBBBBBBA');
  expect(await client.refresh()).toBe(null);
  expect(client.getState()).toMatchObject({ ...expired, error: { status: 401 } });
  await expect.poll(() => disk.entries()).toEqual([]);
  expect(localStorage.getItem('kakao-auth.session')).toBe(null);
});

test('a 401 about an earlier session does not end the one that another tab has begun', async () => {
  storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.chains.clear();
  api.next(REFRESH, (serve) => {
    // Another tab’s login, whose message has not arrived.
    localStorage.setItem('kakao-auth.session', 'theirs');
    return api.arrives(serve);
  });
  const other = new BroadcastChannel('kakao-auth');
  const heard = vi.fn();
  other.onmessage = heard;
  await client.refresh();
  await messages();
  expect(client.getState()).toMatchObject(expired);
  expect(localStorage.getItem('kakao-auth.session')).toBe('theirs');
  expect(heard).not.toHaveBeenCalled();
  other.close();
});

/** The records of several sessions in this browser, the newest first, and the cookie of one of them. */
async function withRecords(api: LinkedApi, disk: ReturnType<typeof storage>, sids: string[], cookie: string) {
  localStorage.setItem('kakao-auth.session', 'first');
  sids.forEach((sid) => api.begin(sid));
  await disk.restore(sids.map((key) => ({ key, prev: confirmed(key, 0, 'AAAAAAAAAAAAAAAAAAAAAA') })));
  api.sid = cookie;
}
const asked = (api: LinkedApi) => links(api).map((link) => (link?.prev ? read(link.prev).sid : (link?.next ?? null)));

test('after a 403 the record of the session that it names is tried next', async () => {
  const disk = storage();
  const api = linkedApi();
  await withRecords(api, disk, ['one', 'two', 'three', 'four'], 'three');
  expect((await reloaded(api)).getState()).toMatchObject({ status: 'authenticated', error: null });
  expect(asked(api)).toEqual(['one', 'three']);
  expect(await disk.records(), 'it is the present one now').toEqual(['three', 'one', 'two', 'four']);
});

test('after a 403 each entry is tried once; then this page shows `expired`, and nothing else changes', async () => {
  const disk = storage();
  const api = linkedApi();
  await withRecords(api, disk, ['one', 'two'], 'lost');
  api.begin('lost');
  const other = new BroadcastChannel('kakao-auth');
  const heard = vi.fn();
  other.onmessage = ({ data }) => data.type !== 'hello' && heard();
  const client = await reloaded(api);
  await messages();
  expect(client.getState()).toMatchObject({ ...expired, error: { status: 403 } });
  expect(client.events).toEqual([{ type: 'logged-out', via: 'network' }]);
  expect(asked(api)).toEqual(['one', 'two']);
  expect(await disk.records()).toEqual(['one', 'two']);
  expect(localStorage.getItem('kakao-auth.session')).toBe('first');
  expect(heard).not.toHaveBeenCalled();
  expect(api.count(LOGOUT)).toBe(0);
  other.close();

  api.sid = 'two';
  comeBack();
  await expect.poll(() => client.getState(), { message: 'it asks again when it is shown' }).toMatchObject({ status: 'authenticated', error: null });
});

test('a page that has given up is healed by another tab’s message', async () => {
  const disk = storage();
  const api = linkedApi();
  await withRecords(api, disk, ['one'], api.begin('lost'));
  const client = await reloaded(api);
  expect(client.getState()).toMatchObject(expired);
  const other = tab(api);
  await other.exchange(COFFEE);
  await messages();
  expect(client.getState()).toMatchObject({ status: 'authenticated', error: null });
});

test('a cookie that changes in the middle: entries that were tried beside the old one are tried beside the new one', async () => {
  const disk = storage();
  const api = linkedApi();
  await withRecords(api, disk, ['one', 'two'], api.begin('lost'));
  const required = () => answer(403, { code: 'link_required', detail: 'No.', session: 'lost' });
  api.next(
    REFRESH,
    required,
    () => ((api.sid = 'pending'), required()),
    () => answer(403, { code: 'link_required', detail: 'No.', session: 'pending' }),
  );
  // The link of the login whose cookie arrives in the middle.
  const login = { key: 'login', next: 'CCCCCCCCCCCCCCCCCCCCCA', since: Date.now() };
  api.begin('pending', { links: [login.next] });
  await disk.restore([login, ...(await disk.entries())]);
  expect((await reloaded(api)).getState()).toMatchObject({ status: 'authenticated', error: null });
  expect(asked(api)).toEqual([login.next, 'one', 'two', login.next]);
  expect(await disk.records()).toEqual(['pending', 'one', 'two']);
  expect(await disk.pending()).toEqual([]);
});

test.each([
  ['a proxy’s page', () => page(403)],
  ['another code', () => answer(403, { code: 'origin_not_allowed', detail: 'No.' })],
])('a 403 with %s is unavailable', async (_, respond) => {
  storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  api.next(REFRESH, respond);
  await expect(client.refresh()).rejects.toMatchObject({ code: 'unavailable', status: 403 });
  expect(api.count(REFRESH)).toBe(1);
  expect(client.getState()).toMatchObject({ status: 'authenticated' });
});

test('storage that was cleared costs one login, which ends the lost session', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  await disk.restore([]);
  await client.refresh();
  expect(client.getState()).toMatchObject(expired);
  expect(links(api)).toEqual([undefined]);
  await client.exchange(COFFEE);
  api.pass();
  await client.refresh();
  expect(client.getState()).toMatchObject({ status: 'authenticated', error: null });
  expect([...api.chains.keys()]).toEqual(['session-2']);
});

test('a rotating session is renewed without a link, and beside links of other sessions', async () => {
  const disk = storage();
  const api = linkedApi();
  localStorage.setItem('kakao-auth.session', 'first');
  api.sid = api.begin('rotating', { isLinked: false });
  const client = await reloaded(api);
  expect(links(api)).toEqual([undefined]);
  await disk.restore([{ key: 'old', prev: confirmed('old', 3, 'AAAAAAAAAAAAAAAAAAAAAA') }]);
  await client.refresh();
  expect(client.getState()).toMatchObject({ status: 'authenticated', error: null });
  expect(await disk.records()).toEqual(['old']);
});

test('a 401 to the link of a login ends the session of this page, and the link stays', async () => {
  const disk = storage();
  const api = linkedApi();
  localStorage.setItem('kakao-auth.session', 'first');
  await disk.restore([{ key: 'login', next: 'CCCCCCCCCCCCCCCCCCCCCA', since: 1 }]);
  const client = await reloaded(api);
  expect(client.getState()).toMatchObject(expired);
  expect(await disk.pending()).toHaveLength(1);
});

test('a hidden page that is left during a refresh goes on after a reload', async () => {
  storage();
  const api = linkedApi();
  const client = await linkedTab(api);
  for (let n = 0; n < 5; n++) {
    api.next(REFRESH, n % 2 ? api.responseLost : () => networkError());
    await client.refresh().catch(() => {});
    api.pass();
  }
  expect((await reloaded(api, client)).getState()).toMatchObject({ status: 'authenticated', error: null });
});
