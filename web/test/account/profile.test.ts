import { expect, test } from 'vitest';
import { loggedInTab, messages, scriptedApi, tab } from '../scripted.js';

test.each(['/auth/profile', '/dj-rest-auth/user/'])('a change of the profile at %s shows in every tab', async (path) => {
  const api = scriptedApi();
  const paths = path === '/auth/profile' ? 'own' : 'dj-rest-auth';
  const [first, second] = [await loggedInTab(api, { paths }), await loggedInTab(api, { paths })];
  api.calls.length = 0;
  expect(await first.updateProfile({ username: 'lion', first_name: 'Ryan' })).toMatchObject({ pk: 'ryan', username: 'lion' });
  await messages();
  expect(api.calls).toMatchObject([{ method: 'PATCH', path, body: '{"username":"lion","first_name":"Ryan"}' }]);
  for (const client of [first, second]) {
    expect(client.getState()).toMatchObject({ status: 'authenticated', user: { username: 'lion', nickname: 'ryan' }, error: null });
  }
  expect([...first.events, ...second.events]).toEqual([]);
});

test('a change of the profile outlasts renewals, and new tabs get it with the token', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.terse = true;
  let release = () => {};
  api.instead.set('/auth/refresh', () => new Promise((resolve) => (release = () => resolve(api.granted('ryan')))));
  const refreshing = client.refresh();
  await expect.poll(() => api.count('/auth/refresh')).toBe(1);
  await client.updateProfile({ username: 'lion' });
  release();
  await refreshing;
  expect(await tab(api).start()).toMatchObject({ user: { username: 'lion' } });
});

test('the profile of another user is not shown', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  const other = new BroadcastChannel('kakao-auth');
  other.postMessage({ type: 'user', user: { pk: 'muzi' } });
  await messages();
  expect(client.getState().user).toMatchObject({ pk: 'ryan' });
  other.close();
});
