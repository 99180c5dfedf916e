import { expect, test } from 'vitest';
import { scriptedApi, loggedInTab, tab } from '../scripted.js';

const REFRESH = '/auth/refresh';

test('a refresh outlives the page that sent it', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  await client.refresh();
  expect(api.calls).toMatchObject([{ path: REFRESH, keepalive: true, credentials: 'include', bearer: null }]);
});

test('a browser without a login sends no request, unless `silent` is `always`', async () => {
  const api = scriptedApi();
  expect(await tab(api).start()).toMatchObject({ status: 'anonymous', error: null });
  expect(api.calls).toHaveLength(0);
  expect(await tab(api, { silent: 'always' }).start()).toMatchObject({ status: 'authenticated' });
  expect(api.count(REFRESH)).toBe(1);
});
