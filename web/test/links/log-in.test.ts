import { expect, test, vi } from 'vitest';
import { answer, page, refusal, tab } from '../scripted.js';
import { kakao, sentBack } from '../log-in/kakao.js';
import { held, linkedApi, LOGIN, read, REFRESH } from './linked-api.js';
import { storage } from './storage.js';

const code = { code: 'ryan', redirect_uri: kakao.redirectUri };
const loggedIn = { status: 'authenticated', error: null };

/** Retries do not wait. */
function atOnce() {
  const { setTimeout } = globalThis;
  vi.stubGlobal('setTimeout', (work: () => void, ms = 0) => setTimeout(work, ms < 2_000 ? 0 : ms));
}

const sentLinks = (api: ReturnType<typeof linkedApi>) => api.sent(LOGIN).map(({ link }) => link);

test('a login sends a link, which is on the disk before, and becomes the session’s record', async () => {
  const disk = storage();
  const api = linkedApi();
  let pending: unknown;
  api.next(LOGIN, async (serve) => {
    pending = await disk.entries();
    return api.arrives(serve);
  });
  await tab(api).exchange(code);
  expect(sentLinks(api)).toEqual([expect.stringMatching(/^[\w-]{21}[AQgw]$/)]);
  expect(pending).toMatchObject([{ next: sentLinks(api)[0] }]);
  const [record, ...others] = await disk.entries();
  expect(record!.key).toBe('session-1');
  expect(read(record!.prev as string)).toMatchObject({ number: 0, link: sentLinks(api)[0] });
  expect(others).toEqual([]);
});

test('the storage holds no credential', async () => {
  const disk = storage();
  const api = linkedApi();
  api.next(LOGIN, async (serve) => {
    expect(JSON.stringify(await disk.entries())).not.toContain('very-secret');
    return api.arrives(serve);
  });
  await tab(api).exchange({ access_token: 'very-secret' });
});

test.each([
  ['gets no request', 'requestLost'],
  ['loses the response', 'responseLost'],
  ['loses the response but not the cookie', 'bodyLost'],
] as const)('a login that %s is repeated with the same link, by the page', async (_, loss) => {
  atOnce();
  const disk = storage();
  const api = linkedApi();
  api.next(LOGIN, api[loss]);
  const client = tab(api);
  await client.exchange(code);
  expect(client.getState()).toMatchObject(loggedIn);
  expect(new Set(sentLinks(api)).size).toBe(1);
  expect(api.chains.size).toBe(1);
  expect(await disk.records()).toEqual(['session-1']);
  expect(await disk.pending()).toEqual([]);
});

test.each(['requestLost', 'responseLost', 'bodyLost'] as const)('a page that is left after its login (%s) repeats it with the same link after a reload', async (loss) => {
  storage();
  const api = linkedApi();
  await sentBack({ code: 'ryan' });
  api.next(LOGIN, (serve) => {
    void Promise.resolve(api[loss](serve)).catch(() => {});
    return new Promise(() => {});
  });
  const gone = tab(api, { kakao });
  void gone.start();
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  gone.dispose();
  const client = tab(api, { kakao });
  expect(await client.start()).toMatchObject(loggedIn);
  expect(sentLinks(api)[1]).toBe(sentLinks(api)[0]);
  expect(api.chains.size).toBe(1);
});

test('a login whose body was lost for good is found by the next refresh', async () => {
  const disk = storage();
  const api = linkedApi();
  localStorage.setItem('kakao-auth.session', 'hint');
  api.next(LOGIN, (serve) => (api.arrives(serve), new Promise(() => {})));
  const gone = tab(api);
  void gone.exchange(code);
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  gone.dispose();
  const client = tab(api);
  expect(await client.start()).toMatchObject(loggedIn);
  expect(api.sent(REFRESH).map(({ link }) => link)).toEqual([{ next: sentLinks(api)[0] }]);
  expect(await disk.records()).toEqual(['session-1']);
  expect(await disk.pending()).toEqual([]);
  api.pass();
  expect(await client.refresh()).toBeTruthy();
});

test('the record of the previous session is used until the login’s response is stored, and kept behind it', async () => {
  const disk = storage();
  const api = linkedApi();
  const client = tab(api);
  await client.exchange({ access_token: 'ryan' });
  api.pass();
  const late = held(api.arrives);
  api.next(LOGIN, (serve) => late.step(() => ({ response: serve().response })), () => refusal('kakao_rejected'));
  const other = tab(api);
  const loggingIn = other.exchange({ access_token: 'muzi' });
  await expect.poll(() => api.count(LOGIN)).toBe(2);
  // The login has ended the session, but this browser may never get its response.
  api.begin('session-1', { links: [sentLinks(api)[0]!] });
  await client.refresh();
  expect(client.getState()).toMatchObject(loggedIn);
  late.release();
  await loggingIn;
  expect(await disk.records()).toEqual(['session-2', 'session-1']);
});

test.each([
  ['the API', () => refusal('kakao_rejected'), 0],
  ['the API with 409', () => answer(409, { code: 'account_being_deleted', detail: 'Later.' }), 0],
  ['a proxy', () => page(403), 1],
])('a login that is refused by %s: only the API’s word removes its link', async (_, respond, left) => {
  const disk = storage();
  const api = linkedApi();
  await tab(api).exchange({ access_token: 'ryan' });
  api.next(LOGIN, respond);
  await expect(tab(api).exchange(code)).rejects.toThrow();
  await expect.poll(async () => (await disk.pending()).length).toBe(left);
  expect(await disk.records()).toEqual(['session-1']);
});

test('a login that is refused after a try without a response keeps its link: the session may have begun', async () => {
  atOnce();
  const disk = storage();
  const api = linkedApi();
  const client = tab(api);
  api.next(LOGIN, api.bodyLost, () => refusal('kakao_rejected'));
  await expect(client.exchange(code)).rejects.toMatchObject({ code: 'rejected' });
  expect(await disk.pending()).toHaveLength(1);
  await client.refresh();
  expect(client.getState()).toMatchObject(loggedIn);
});

test('a login that is refused after a reload keeps its link for the same reason', async () => {
  const disk = storage();
  const api = linkedApi();
  api.next(LOGIN, (serve) => (api.arrives(serve), new Promise(() => {})), () => refusal('kakao_rejected'));
  const gone = tab(api);
  void gone.exchange(code);
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  gone.dispose();
  const client = tab(api);
  await expect(client.exchange(code)).rejects.toMatchObject({ code: 'rejected' });
  expect(await disk.pending()).toHaveLength(1);
  await client.refresh();
  expect(client.getState()).toMatchObject(loggedIn);
});

test('two logins in two tabs have a link each, and the one whose cookie stays is renewed', async () => {
  const disk = storage();
  const api = linkedApi();
  const [first, second] = [tab(api), tab(api)];
  await Promise.all([first.exchange({ access_token: 'ryan' }), second.exchange({ access_token: 'muzi' })]);
  expect(new Set(sentLinks(api)).size).toBe(2);
  expect(await disk.pending()).toEqual([]);
  expect((await disk.records()).sort()).toEqual(['session-1', 'session-2']);
  api.pass();
  await second.refresh();
  expect(second.getState()).toMatchObject({ ...loggedIn, user: { pk: api.chains.get(api.sid!)!.subject } });
});

test('a response of a login that another one has overtaken does not take the record of its session back', async () => {
  const disk = storage();
  const api = linkedApi();
  const late = held(api.arrives);
  api.next(LOGIN, late.step);
  const [first, second] = [tab(api), tab(api)];
  const slow = first.exchange(code);
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  await second.exchange(code);
  api.pass();
  await second.refresh();
  late.release();
  await slow;
  expect(read((await disk.entries())[0]!.prev as string).number).toBe(1);
  api.pass();
  await first.refresh();
  expect(first.getState()).toMatchObject(loggedIn);
});

test('an API that links no sessions gets a link and returns none: nothing is kept', async () => {
  const disk = storage();
  const api = linkedApi();
  api.links = false;
  const client = tab(api);
  await client.exchange(code);
  expect(sentLinks(api)).toHaveLength(1);
  expect(await disk.entries()).toEqual([]);
  await client.refresh();
  expect(client.getState()).toMatchObject(loggedIn);
});

test('without crypto.subtle the login has no link', async () => {
  storage();
  vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) });
  const api = linkedApi();
  const client = tab(api);
  await client.exchange(code);
  expect(sentLinks(api)).toEqual([undefined]);
  await client.refresh();
  expect(client.getState()).toMatchObject(loggedIn);
});

test('of many logins without a response the links of the last ones are kept', async () => {
  const disk = storage();
  const api = linkedApi();
  for (let n = 0; n < 15; n++) {
    api.next(LOGIN, (serve) => (api.arrives(serve), new Promise(() => {})));
    const gone = tab(api);
    void gone.exchange({ access_token: `user-${n}` });
    await expect.poll(() => api.count(LOGIN)).toBe(n + 1);
    gone.dispose();
  }
  expect(await disk.entries()).toHaveLength(12);
  const client = tab(api);
  await client.refresh();
  expect(client.getState()).toMatchObject({ ...loggedIn, user: { pk: 'user-14' } });
});
