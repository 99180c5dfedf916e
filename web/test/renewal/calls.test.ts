import { expect, test, vi } from 'vitest';
import { answer, scriptedApi, loggedInTab } from '../scripted.js';

const REFRESH = '/auth/refresh';

test('twenty calls that meet a 401 at once make one refresh and twenty retries', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.expire();
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => client.fetch(`/items/${n}`)));

  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(api.count(REFRESH)).toBe(1);
  expect(api.calls).toHaveLength(41);
  expect(client.events.filter(({ type }) => type === 'retried')).toHaveLength(20);
});

test('twenty calls that meet a 401 at once make one refresh even if that fails', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.expire();
  api.instead.set(REFRESH, () => answer(503));
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.fetch('/items')));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(401));
  expect(api.count(REFRESH)).toBe(1);
});

test('a call whose 401 arrives after the refresh is retried with the new token', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  let release = () => {};
  api.instead.set('/slow', ({ bearer }) => {
    if (api.live.has(bearer!)) return answer(200);
    return new Promise((resolve) => (release = () => resolve(answer(401))));
  });
  api.expire();
  const slow = client.fetch('/slow');
  await client.fetch('/quick');
  release();
  expect((await slow).status).toBe(200);
  expect(api.count(REFRESH)).toBe(1);
});

test('an API that always says 401 costs one refresh and one retry, and the session stays', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set('/stuck', () => answer(401));
  expect((await client.fetch('/stuck')).status).toBe(401);
  expect(api.calls.map(({ path }) => path)).toEqual(['/stuck', REFRESH, '/stuck']);
  expect(client.getState().status).toBe('authenticated');
});

test('ten calls that meet a 401 one after the other, after the session has ended, make one refresh', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.cookie = null;
  api.expire();
  const waiting: (() => void)[] = [];
  for (let n = 0; n < 10; n++) api.instead.set(`/items/${n}`, () => new Promise((resolve) => waiting.push(() => resolve(answer(401)))));
  const calls = Array.from({ length: 10 }, (_, n) => client.fetch(`/items/${n}`));
  await expect.poll(() => waiting.length).toBe(10);
  for (const [n, respond] of waiting.entries()) {
    respond();
    expect((await calls[n]!).status).toBe(401);
    expect(await client.getToken()).toBe(null);
  }
  expect(api.count(REFRESH)).toBe(1);
  expect(client.getState()).toMatchObject({ status: 'anonymous', error: { code: 'expired' } });
});

test('ten calls at once with an expired token and an ended session make one refresh', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.cookie = null;
  api.expire();
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 301_000);
  const tokens = Array.from({ length: 5 }, () => client.getToken());
  const calls = Array.from({ length: 5 }, () => client.fetch('/items').catch((error: Error) => error));
  expect(await Promise.all(tokens)).toEqual(Array(5).fill(null));
  await Promise.all(calls);
  expect(api.count(REFRESH)).toBe(1);
});

test('a retry sends the body again', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.expire();
  await client.fetch('/orders', { method: 'POST', body: 'one coffee' });
  expect(api.calls.filter(({ path }) => path === '/orders').map(({ body }) => body)).toEqual(['one coffee', 'one coffee']);
});
