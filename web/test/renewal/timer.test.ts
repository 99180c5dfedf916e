import { expect, test, vi } from 'vitest';
import { comeBack, scriptedApi, loggedInTab } from '../scripted.js';

const REFRESH = '/auth/refresh';

test.each([-7_200, 7_200])('a clock that is %i s wrong changes nothing', async (ahead) => {
  const api = scriptedApi();
  api.ahead = ahead;
  const client = await loggedInTab(api);
  for (let n = 0; n < 5; n++) expect((await client.fetch('/items')).status).toBe(200);
  expect(api.count(REFRESH)).toBe(0);
  expect(client.expiresAt()! - Date.now()).toBeGreaterThan(290_000);
});

test('a visible page renews by itself before the token expires', async () => {
  vi.useFakeTimers();
  const api = scriptedApi();
  const starting = loggedInTab(api);
  await vi.advanceTimersByTimeAsync(100);
  const client = await starting;
  await vi.advanceTimersByTimeAsync(269_000);
  expect(api.count(REFRESH)).toBe(0);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(api.count(REFRESH)).toBe(1);
  expect(client.events).toEqual([{ type: 'refreshed', via: 'network' }]);
});

test.each([
  ['a millisecond before the token is due', 1],
  ['after the clock was set back by a minute', 60_000],
])('a visible page whose timer fires %s renews by itself all the same', async (_, early) => {
  vi.useFakeTimers();
  const api = scriptedApi();
  const starting = loggedInTab(api);
  await vi.advanceTimersByTimeAsync(100);
  const dueIn = (await starting).expiresAt()! - 30_000 - Date.now();
  const { now } = Date;
  vi.spyOn(Date, 'now').mockImplementation(() => now() - early);
  await vi.advanceTimersByTimeAsync(dueIn);
  expect(api.count(REFRESH)).toBe(0);
  await vi.advanceTimersByTimeAsync(early);
  expect(api.count(REFRESH)).toBe(1);
});

test('a hidden page waits until it is asked for a token, or shown', async () => {
  vi.useFakeTimers();
  const api = scriptedApi();
  const starting = loggedInTab(api);
  await vi.advanceTimersByTimeAsync(100);
  await starting;
  const hidden = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(api.count(REFRESH)).toBe(0);
  hidden.mockReturnValue(false);
  comeBack();
  await vi.advanceTimersByTimeAsync(100);
  expect(api.count(REFRESH)).toBe(1);
});

test('a renewal does not change the state, so nothing renders again', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  const before = client.getState();
  const changed = vi.fn();
  client.subscribe(changed);
  await client.refresh();
  expect(client.getState()).toBe(before);
  expect(changed).not.toHaveBeenCalled();
});
