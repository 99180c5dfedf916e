import { expect, test, vi } from 'vitest';
import { answer, comeBack, messages, scriptedApi, sessionOver, loggedInTab, tab } from './scripted.js';

const REFRESH = '/auth/refresh';

test('a new tab is handed the token and sends no request', async () => {
  const api = scriptedApi();
  const first = await loggedInTab(api);
  const second = tab(api);
  expect(await second.start()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' } });
  expect(await second.getToken()).toBe(await first.getToken());
  expect(second.events).toEqual([{ type: 'logged-in', via: 'tab' }]);
  expect(api.calls).toHaveLength(0);
});

test('a token that is due is not handed over: the new tab refreshes, for both', async () => {
  const api = scriptedApi();
  const first = await loggedInTab(api);
  vi.spyOn(document, 'hidden', 'get').mockReturnValue(true);
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 280_000);
  const second = tab(api);
  await second.start();
  await messages();
  expect(second.events).toEqual([{ type: 'logged-in', via: 'network' }]);
  expect(await first.getToken()).toBe(await second.getToken());
  expect(api.count(REFRESH)).toBe(1);
});

test('a renewal in one tab serves the others', async () => {
  const api = scriptedApi();
  const [first, second] = [await loggedInTab(api), await loggedInTab(api)];
  await messages();
  await first.refresh();
  await messages();
  expect(await second.getToken()).toBe(await first.getToken());
  expect(api.count(REFRESH)).toBe(1);
});

test('a renewed token replaces one that expires later', async () => {
  const api = scriptedApi();
  const [first, second] = [await loggedInTab(api), await loggedInTab(api)];
  api.life = 250;
  await messages();
  await first.refresh();
  await messages();
  expect(await second.getToken()).toBe(await first.getToken());
});

/** The message of another tab that renewed the session of `loggedInTab`. */
function old(since = Date.now()) {
  const session = { id: 'first', access: 'old', since, life: 300_000, user: { pk: 'ryan' } };
  return { type: 'session', session };
}

test('an older token that arrives late does not replace a newer one', async () => {
  const api = scriptedApi();
  const [first, second] = [await loggedInTab(api), await loggedInTab(api)];
  const late = new BroadcastChannel('kakao-auth');
  const token = await first.getToken();
  late.postMessage(old(Date.now() - 60_000));
  await messages();
  expect(await second.getToken()).toBe(token);
  late.close();
});

test('a logout in one tab logs the others out', async () => {
  const api = scriptedApi();
  const [first, second] = [await loggedInTab(api), await loggedInTab(api)];
  expect(await first.logout()).toBe(true);
  await messages();
  expect(second.getState()).toMatchObject({ status: 'anonymous', error: null });
  expect(second.events).toEqual([{ type: 'logged-out', via: 'tab' }]);
  expect(api.count('/auth/logout')).toBe(1);
});

test('a login in one tab logs the others in', async () => {
  const api = scriptedApi();
  const [first, second] = [tab(api), tab(api)];
  await Promise.all([first.start(), second.start()]);
  await first.exchange({ access_token: 'muzi' });
  await messages();
  expect(second.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'muzi' } });
});

test('a late message about a session that has ended logs nobody in', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  const late = new BroadcastChannel('kakao-auth');
  await client.logout();
  late.postMessage(old());
  await messages();
  expect(client.getState().status).toBe('anonymous');
  late.close();
});

test('a tab that was told of a logout ignores a late message about that session', async () => {
  const api = scriptedApi();
  const client = tab(api);
  await client.start();
  const late = new BroadcastChannel('kakao-auth');
  late.postMessage({ type: 'end', id: 'first' });
  late.postMessage(old());
  await messages();
  expect(client.getState().status).toBe('anonymous');
  late.close();
});

test('a late message about the previous account does not replace the current one', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  await client.exchange({ access_token: 'muzi' });
  const late = new BroadcastChannel('kakao-auth');
  late.postMessage(old());
  late.postMessage({ type: 'end', id: 'first' });
  await messages();
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'muzi' } });
  late.close();
});

test('a refresh in progress during a logout does not log the user in again', async () => {
  const api = scriptedApi();
  const [client, other] = [await loggedInTab(api), await loggedInTab(api)];
  let release = () => {};
  api.instead.set(REFRESH, () => new Promise((resolve) => (release = () => resolve(api.granted('ryan')))));
  const refreshing = client.refresh();
  await messages();
  const leaving = client.logout();
  release();
  expect(await refreshing).toBe(null);
  await leaving;
  await messages();
  expect(client.getState().status).toBe('anonymous');
  expect(other.getState().status).toBe('anonymous');
});

test('a 401 to a refresh from before a login does not end the new session', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  let release = () => {};
  api.instead.set(REFRESH, () => new Promise((resolve) => (release = () => resolve(sessionOver()))));
  const refreshing = client.refresh();
  await messages();
  const elsewhere = tab(api);
  await elsewhere.start();
  await elsewhere.exchange({ access_token: 'muzi' });
  await messages();
  release();
  await refreshing;
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'muzi' } });
  expect(client.events.map(({ type }) => type)).not.toContain('logged-out');
});

test('a failed refresh from before a logout does not show as an error after it', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  let fail = () => {};
  api.instead.set(REFRESH, () => new Promise((_, reject) => (fail = () => reject(new TypeError('Failed to fetch')))));
  const refreshing = client.refresh();
  await messages();
  const leaving = client.logout();
  fail();
  expect(await refreshing).toBe(null);
  await leaving;
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: null });
});

test('another account’s cookie after a pause: the first account’s data is not shown with it', async () => {
  const api = scriptedApi();
  api.terse = true;
  const client = await loggedInTab(api);
  const seen: unknown[] = [];
  client.subscribe(() => seen.push(client.getState().user?.pk));
  api.cookie = 'muzi';
  await client.refresh();
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'muzi', nickname: 'muzi' } });
  expect(seen).toEqual(['muzi']);
});

test('another account’s cookie: a call that met a 401 is not repeated as the other user', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.expire();
  api.cookie = 'muzi';
  expect((await client.fetch('/pay', { method: 'POST', body: 'everything' })).status).toBe(401);
  expect(api.count('/pay')).toBe(1);
  expect(client.getState()).toMatchObject({ user: { pk: 'muzi' } });
});

test('another account’s cookie: a call that waits for a new token is not sent as the other user', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 280_000);
  api.cookie = 'muzi';
  await expect(client.fetch('/pay')).rejects.toMatchObject({ code: 'expired' });
  expect(api.count('/pay')).toBe(0);
  expect((await client.fetch('/items')).status).toBe(200);
});

test('another account logs in elsewhere while a call waits for its 401: the call is not repeated as the other user', async () => {
  const api = scriptedApi();
  const [client, elsewhere] = [await loggedInTab(api), await loggedInTab(api)];
  api.instead.set('/pay', async () => {
    await elsewhere.exchange({ access_token: 'muzi' });
    await messages();
    return answer(401);
  });
  expect((await client.fetch('/pay')).status).toBe(401);
  expect(api.count('/pay')).toBe(1);
  expect(client.getState()).toMatchObject({ user: { pk: 'muzi' } });
});

/** Changes the flags as another tab does, without its message: a frozen page does not receive it. */
const missed = (hint: string | null) =>
  hint === null ? localStorage.removeItem('kakao-auth.session') : localStorage.setItem('kakao-auth.session', hint);

test('a page that missed a logout notices it when it is shown again', async () => {
  const client = await loggedInTab(scriptedApi());
  missed(null);
  comeBack();
  expect(client.getState().status).toBe('anonymous');
});

test('a page that missed a login as another user notices it when it is shown again', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  missed('second');
  api.cookie = 'muzi';
  dispatchEvent(new Event('pageshow'));
  await expect.poll(() => client.getState().user?.pk).toBe('muzi');
  expect(localStorage.getItem('kakao-auth.session')).toBe('second');
});

test('a logged-out page that missed a login notices it when it is shown again', async () => {
  const api = scriptedApi();
  const client = tab(api);
  await client.start();
  missed('second');
  comeBack();
  await expect.poll(() => client.getState().user?.pk).toBe('ryan');
});

test('the end of an older session in another tab does not undo a login in progress', async () => {
  const api = scriptedApi();
  localStorage.setItem('kakao-auth.session', 'older');
  const client = tab(api);
  const other = new BroadcastChannel('kakao-auth');
  api.instead.set('/auth/kakao', async () => {
    other.postMessage({ type: 'end', id: 'older' });
    await messages();
    return api.granted('muzi');
  });
  expect(await client.exchange({ access_token: 'muzi' })).toMatchObject({ pk: 'muzi' });
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'muzi' } });
  other.close();
});

test('of two logins in two tabs the last one counts in both', async () => {
  const api = scriptedApi();
  const [first, second] = [tab(api), tab(api)];
  await Promise.all([first.start(), second.start()]);
  let release = () => {};
  api.instead.set('/auth/kakao', ({ body }) =>
    body.includes('muzi') ? new Promise((resolve) => (release = () => resolve(api.granted('muzi')))) : api.granted('ryan'),
  );
  const late = second.exchange({ access_token: 'muzi' });
  await first.exchange({ access_token: 'ryan' });
  await messages();
  release();
  await late;
  await messages();
  expect(first.getState()).toMatchObject({ user: { pk: 'muzi' } });
  expect(second.getState()).toMatchObject({ user: { pk: 'muzi' } });
});
