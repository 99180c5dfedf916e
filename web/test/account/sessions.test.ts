import { expect, test } from 'vitest';
import { answer, loggedInTab, messages, networkError, page, scriptedApi, sessionOver, tab } from '../scripted.js';

const OTHERS = '/auth/logout?scope=others';

test('the sessions are listed', async () => {
  const api = scriptedApi();
  const sessions = await (await loggedInTab(api)).sessions();
  expect(sessions.map(({ id, current }) => [id, current])).toEqual([['ryan-here', true], ['ryan-there', false]]);
  expect(api.calls).toMatchObject([{ method: 'GET', path: '/auth/sessions', credentials: 'omit' }]);
});

test('another session is ended, this one continues, and each tab can list them again', async () => {
  const api = scriptedApi();
  const [first, second] = [await loggedInTab(api), await loggedInTab(api)];
  await first.endSession('ryan-there');
  await messages();
  expect(api.calls).toMatchObject([{ method: 'DELETE', path: '/auth/sessions/ryan-there', body: '' }]);
  expect(first.events).toEqual([{ type: 'sessions-changed', via: 'page' }]);
  expect(second.events).toEqual([{ type: 'sessions-changed', via: 'tab' }]);
  for (const client of [first, second]) expect(client.getState().status).toBe('authenticated');
});

test('ending this browser’s own session is a logout in every tab, which removes the cookie', async () => {
  const api = scriptedApi();
  const [first, second] = [await loggedInTab(api), await loggedInTab(api)];
  await first.endSession('ryan-here');
  await messages();
  expect(api.calls).toMatchObject([{ method: 'POST', path: '/auth/logout' }]);
  for (const client of [first, second]) expect(client.getState()).toEqual({ status: 'anonymous', user: null, error: null });
  expect(api.cookie).toBe(null);
});

test('a session that has already ended counts as ended', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set('/auth/sessions/gone', () => answer(404, { code: 'not_found', detail: 'Not found.' }));
  await client.endSession('gone');
  expect(client.events).toEqual([{ type: 'sessions-changed', via: 'page' }]);
});

test('an id that is a path reaches no other route', async () => {
  const api = scriptedApi();
  await (await loggedInTab(api)).endSession('../account');
  expect(api.calls.map(({ path }) => path)).toEqual(['/auth/sessions/..%2Faccount']);
});

test('a logout of the others leaves this browser logged in', async () => {
  const api = scriptedApi();
  const [first, second] = [await loggedInTab(api), await loggedInTab(api)];
  api.instead.set(OTHERS, () => answer(200, { detail: 'Successfully logged out.' }));
  expect(await first.logout({ scope: 'others' })).toBe(true);
  await messages();
  expect(api.calls).toMatchObject([{ path: OTHERS, credentials: 'include', keepalive: true }]);
  for (const client of [first, second]) expect(client.getState()).toMatchObject({ status: 'authenticated', error: null });
  expect([first.events, second.events]).toEqual([[{ type: 'sessions-changed', via: 'page' }], [{ type: 'sessions-changed', via: 'tab' }]]);
  expect(Object.keys(localStorage)).toEqual(['kakao-auth.session']);
});

test.each([
  ['the network', networkError],
  ['a 503', () => answer(503)],
  ['a page with status 200', () => page(200)],
  ['the API’s 401', sessionOver],
])('a logout of the others that fails by %s is neither confirmed nor sent again', async (_, fail) => {
  for (const paths of ['own', 'dj-rest-auth'] as const) {
    const api = scriptedApi();
    const client = await loggedInTab(api, { paths });
    const path = paths === 'own' ? OTHERS : '/dj-rest-auth/logout/?scope=others';
    api.instead.set(path, fail);
    expect(await client.logout({ scope: 'others' })).toBe(false);
    expect(client.getState().status).toBe('authenticated');
    expect(client.events).toEqual([]);
    dispatchEvent(new Event('online'));
    await messages();
    expect(api.count(path)).toBe(1);
    client.dispose();
  }
});

test('a logout of the others waits for a refresh, whose old cookie would end this session', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  let release = () => {};
  api.instead.set('/auth/refresh', () => new Promise((resolve) => (release = () => resolve(api.granted('ryan')))));
  const refreshing = client.refresh();
  await expect.poll(() => api.count('/auth/refresh')).toBe(1);
  const leaving = client.logout({ scope: 'others' });
  await messages();
  expect(api.count(OTHERS)).toBe(0);
  release();
  await refreshing;
  expect(await leaving).toBe(true);
});

test('a logout of the others does not confirm a pending logout', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set('/auth/logout', () => answer(503));
  await client.logout();
  await client.logout({ scope: 'others' });
  client.dispose();
  api.instead.clear();
  const reloaded = tab(api);
  await reloaded.start();
  await expect.poll(() => api.count('/auth/logout')).toBe(2);
});

test('sessions that change while a new tab waits for its token do not make it send a refresh', async () => {
  const api = scriptedApi();
  const first = await loggedInTab(api);
  const other = new BroadcastChannel('kakao-auth');
  const second = tab(api);
  const starting = second.start();
  other.postMessage({ type: 'sessions-changed' });
  expect(await starting).toMatchObject({ status: 'authenticated' });
  expect(await second.getToken()).toBe(await first.getToken());
  expect(api.calls).toEqual([]);
  other.close();
});
