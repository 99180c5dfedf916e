import { expect, test } from 'vitest';
import { answer, loggedInTab, messages, networkError, refusal, scriptedApi, tab } from '../scripted.js';

const ACCOUNT = '/auth/account';

test('the export holds the user, the account and the sessions', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  expect(await client.account()).toMatchObject({ user: { pk: 'ryan' }, account: { logins: 1 }, sessions: [{}, {}] });
  expect(client.getState().status).toBe('authenticated');
});

test('a deletion resolves to the receipt and logs out in every tab', async () => {
  const api = scriptedApi();
  const [first, second] = [await loggedInTab(api), await loggedInTab(api)];
  expect(await first.deleteAccount()).toEqual({ id: 'ryan', deleted_at: '2026-11-26T00:00:00Z' });
  await messages();
  // `include`: the response removes the cookie. There is nothing left to log out of.
  expect(api.calls).toMatchObject([{ method: 'DELETE', path: ACCOUNT, credentials: 'include', keepalive: true, body: '' }]);
  for (const client of [first, second]) expect(client.getState()).toEqual({ status: 'anonymous', user: null, error: null });
  expect([first.events, second.events]).toEqual([[{ type: 'logged-out', via: 'page' }], [{ type: 'logged-out', via: 'tab' }]]);
  expect(Object.keys(localStorage)).toEqual([]);
});

test('a deletion before the page has started logs out too', async () => {
  const api = scriptedApi();
  localStorage.setItem('kakao-auth.session', 'first');
  const client = tab(api);
  await client.deleteAccount();
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: null });
});

test('a deletion that needs a fresh login leaves the session as it is', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set(ACCOUNT, () => refusal('login_required', 403));
  await expect(client.deleteAccount()).rejects.toMatchObject({ code: 'login_required', status: 403 });
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' }, error: null });
  expect(api.cookie).toBe('ryan');
});

test('a deletion whose response is lost can be repeated', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set(ACCOUNT, networkError);
  await expect(client.deleteAccount()).rejects.toMatchObject({ code: 'unavailable' });
  api.instead.clear();
  expect(await client.deleteAccount()).toMatchObject({ id: 'ryan' });
  expect(client.getState().status).toBe('anonymous');
});

test('a refresh in progress does not undo a deletion', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  let release = () => {};
  api.instead.set('/auth/refresh', () => new Promise((resolve) => (release = () => resolve(api.granted('ryan')))));
  const refreshing = client.refresh();
  await expect.poll(() => api.count('/auth/refresh')).toBe(1);
  await client.deleteAccount();
  release();
  await refreshing;
  expect(client.getState().status).toBe('anonymous');
});

test('a user who logs in during a deletion stays logged in', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  let release = () => {};
  api.instead.set(ACCOUNT, () => new Promise((resolve) => (release = () => resolve(answer(202, { id: 'ryan', deleted_at: '2026-11-26T00:00:00Z' })))));
  const deleting = client.deleteAccount();
  await expect.poll(() => api.count(ACCOUNT)).toBe(1);
  await client.exchange({ access_token: 'muzi' });
  release();
  expect(await deleting).toMatchObject({ id: 'ryan' });
  expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'muzi' } });
});

test('a login while the account is being deleted says so, and when to try again', async () => {
  const api = scriptedApi();
  const client = tab(api);
  api.instead.set('/auth/kakao', () => answer(409, { code: 'account_being_deleted', detail: 'Later.' }, { 'retry-after': '60' }));
  await expect(client.exchange({ access_token: 'ryan' })).rejects.toMatchObject({ code: 'account_being_deleted', status: 409, retryAfter: 60 });
  expect(client.getState().error).toMatchObject({ code: 'account_being_deleted', retryAfter: 60 });
  expect(api.count('/auth/kakao')).toBe(1);
});

test('a login of a disabled person says so, and is not repeated', async () => {
  const api = scriptedApi();
  const client = tab(api);
  api.instead.set('/auth/kakao', () => answer(403, { code: 'account_disabled', detail: 'This account is disabled.' }));
  await expect(client.exchange({ access_token: 'ryan' })).rejects.toMatchObject({ code: 'account_disabled', status: 403 });
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: { code: 'account_disabled' } });
  expect(api.count('/auth/kakao')).toBe(1);
});
