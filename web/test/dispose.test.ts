import { expect, test, vi } from 'vitest';
import { answer, comeBack, scriptedApi, loggedInTab, tab } from './scripted.js';

const REFRESH = '/auth/refresh';

test('a disposed client does not retry a failed logout', async () => {
  vi.useFakeTimers();
  const api = scriptedApi();
  const client = tab(api);
  let fail = () => {};
  api.instead.set('/auth/logout', () => new Promise((resolve) => (fail = () => resolve(answer(503)))));
  const leaving = client.logout();
  await vi.advanceTimersByTimeAsync(10);
  client.dispose();
  fail();
  expect(await leaving).toBe(false);
  expect(vi.getTimerCount()).toBe(0);
});

test('a disposed client does not send a refresh that was waiting for its turn', async () => {
  const api = scriptedApi();
  const client = tab(api);
  await client.start();
  let release = () => {};
  api.instead.set('/auth/kakao', () => new Promise((resolve) => (release = () => resolve(answer(400)))));
  const loggingIn = client.exchange({ access_token: 'ryan' });
  const refreshing = client.refresh();
  await expect.poll(() => api.count('/auth/kakao')).toBe(1);
  client.dispose();
  release();
  await expect(loggingIn).rejects.toThrow();
  expect(await refreshing).toBe(null);
  expect(api.count(REFRESH)).toBe(0);
});

test('a disposed client sends nothing, reacts to nothing and keeps no timer', async () => {
  vi.useFakeTimers();
  localStorage.setItem('kakao-auth.session', 'first');
  const api = scriptedApi();
  const gone = tab(api);
  const started = gone.start();
  gone.dispose();
  await vi.advanceTimersByTimeAsync(1_000);
  await started;
  expect(api.calls).toHaveLength(0);

  const starting = loggedInTab(api);
  await vi.advanceTimersByTimeAsync(100);
  (await starting).dispose();
  dispatchEvent(new Event('online'));
  comeBack();
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(api.calls).toHaveLength(0);
  expect(vi.getTimerCount()).toBe(0);
});
