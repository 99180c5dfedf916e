/** The entry `kakao-login-web/core`, and what each login sends. */

import { expect, test, vi } from 'vitest';
import { createAuthClient } from '../src/entry-core.js';
import { scriptedApi, loggedInTab, tab } from './scripted.js';

test('the core logs in, renews, calls and logs out, and has no page of Kakao’s and no calls about the account', async () => {
  const api = scriptedApi();
  const client = createAuthClient({ baseUrl: 'https://api.example.com', fetch: api.fetch, debug: false });
  expect(await client.start()).toMatchObject({ status: 'anonymous' });
  expect(await client.exchange({ access_token: 'muzi' })).toMatchObject({ pk: 'muzi' });
  expect(await client.refresh()).toBeTruthy();
  expect((await client.fetch('/items')).status).toBe(200);
  expect(await client.logout()).toBe(true);
  client.dispose();
  for (const name of ['login', 'onReturn', 'sessions', 'endSession', 'account', 'deleteAccount', 'updateProfile']) expect(client).not.toHaveProperty(name);
});

test('the core leaves an address with a code alone', async () => {
  history.replaceState(null, '', '/callback?code=ryan&state=other');
  const api = scriptedApi();
  const client = createAuthClient({ baseUrl: 'https://api.example.com', fetch: api.fetch, debug: false });
  await client.start();
  client.dispose();
  expect(location.search).toBe('?code=ryan&state=other');
  expect(api.calls).toEqual([]);
  history.replaceState(null, '', '/');
});

test('a page asks for a cookie, whatever the API would do by itself, and names its device only if the app does', async () => {
  const api = scriptedApi();
  await tab(api).exchange({ access_token: 'ryan' });
  await tab(api, { device: { name: 'Kiosk 7' } }).exchange({ access_token: 'ryan' });
  expect(api.calls.map(({ body }) => JSON.parse(body) as object)).toEqual([
    { access_token: 'ryan', transport: 'cookie' },
    { access_token: 'ryan', transport: 'cookie', device: { name: 'Kiosk 7' } },
  ]);
});

test('a user whose id is a number stays the same user, though tokens have its text', async () => {
  const api = scriptedApi();
  const [client, other] = [tab(api), tab(api)];
  await client.exchange({ access_token: '17' });
  await other.start();
  api.terse = true;
  await client.refresh();
  expect(client.getState().user?.pk).toBe(17);
  expect(api.count('/auth/profile')).toBe(0);
  expect(await client.updateProfile({ username: 'neo' })).toMatchObject({ pk: 17, username: 'neo' });
  await expect.poll(() => other.getState().user).toMatchObject({ pk: 17, username: 'neo' });
  expect(await client.deleteAccount()).toMatchObject({ id: '17' });
});

test('wake() does what a page does when it is shown: an expired token is renewed', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
  client.wake();
  await expect.poll(() => api.count('/auth/refresh')).toBe(1);
});

test('the channel between tabs keeps no Node process alive, for example that of a test', async () => {
  const unref = vi.spyOn(BroadcastChannel.prototype as unknown as { unref(): void }, 'unref');
  await tab(scriptedApi()).start();
  expect(unref).toHaveBeenCalledTimes(1);
});
