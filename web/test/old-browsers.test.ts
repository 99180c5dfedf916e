/** The client works without functions that some supported browsers lack. The README names the oldest browsers. */

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { turns } from '../src/locks.js';
import { answer, comeBack, scriptedApi, loggedInTab, tab } from './scripted.js';

const timeout = AbortSignal.timeout;
afterEach(() => void (AbortSignal.timeout = timeout));

const withoutTimeout = () => Reflect.deleteProperty(AbortSignal, 'timeout');
const withoutChannel = () => vi.stubGlobal('BroadcastChannel', undefined);
const refusedChannel = () =>
  vi.stubGlobal(
    'BroadcastChannel',
    class {
      constructor() {
        throw new DOMException('The operation is insecure.', 'SecurityError');
      }
    },
  );

describe.each([
  ['without AbortSignal.timeout', [withoutTimeout]],
  ['without BroadcastChannel', [withoutChannel]],
  ['without either', [withoutTimeout, withoutChannel]],
  ['with a BroadcastChannel that is refused', [refusedChannel]],
])('%s', (_, lacks) => {
  beforeEach(() => lacks.forEach((lack) => lack()));

  test('a user logs in, renews, reloads and logs out', async () => {
    const api = scriptedApi();
    const client = tab(api);
    expect(await client.start()).toMatchObject({ status: 'anonymous', error: null });
    await client.exchange({ access_token: 'muzi' });
    expect(await client.refresh()).toBe(await client.getToken());
    client.dispose();
    const reloaded = tab(api);
    expect(await reloaded.start()).toMatchObject({ status: 'authenticated', user: { pk: 'muzi' }, error: null });
    expect(await reloaded.logout()).toBe(true);
    expect(api.cookie).toBe(null);
  });
});

test('without AbortSignal.timeout a request without a response times out too', async () => {
  withoutTimeout();
  vi.useFakeTimers();
  localStorage.setItem('kakao-auth.session', 'first');
  const silence = (_: unknown, init?: RequestInit) =>
    new Promise<Response>((_, reject) => init!.signal!.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError'))));
  const client = tab(scriptedApi(), { fetch: silence });
  void client.start();
  await vi.advanceTimersByTimeAsync(6_900);
  expect(client.getState()).toMatchObject({ status: 'unknown', error: null });
  await vi.advanceTimersByTimeAsync(300);
  expect(client.getState()).toMatchObject({ status: 'unknown', error: { code: 'unavailable', status: 0 } });
});

test('without AbortSignal.timeout a tab does not wait for its turn forever', async () => {
  withoutTimeout();
  const request = vi.fn(async (_: string, options: { signal?: AbortSignal }, work: (lock: null) => unknown) => {
    if (!options.signal) return work(null);
    return new Promise((_, reject) => options.signal!.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError'))));
  });
  vi.stubGlobal('navigator', Object.assign(Object.create(navigator), { locks: { request } }));
  vi.useFakeTimers();
  const work = vi.fn(async (waited: boolean) => waited);
  const turn = turns('name', 1_000)(work);
  await vi.advanceTimersByTimeAsync(900);
  expect(work).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(200);
  expect(await turn).toBe(true);
});

test('without BroadcastChannel a page does not wait for other tabs before its refresh', async () => {
  withoutChannel();
  vi.useFakeTimers();
  localStorage.setItem('kakao-auth.session', 'first');
  const api = scriptedApi();
  void tab(api).start();
  await vi.advanceTimersByTimeAsync(0);
  expect(api.count('/auth/refresh')).toBe(1);
});

test('without BroadcastChannel a tab notices a login and a logout in another one when it is shown', async () => {
  withoutChannel();
  const api = scriptedApi();
  const [first, second] = [await loggedInTab(api), await loggedInTab(api)];
  await first.logout();
  expect(second.getState().status).toBe('authenticated');
  comeBack();
  expect(second.getState()).toMatchObject({ status: 'anonymous', error: null });
  await first.exchange({ access_token: 'muzi' });
  comeBack();
  await expect.poll(() => second.getState().user?.pk).toBe('muzi');
});

test('a disposed client does nothing in a browser where a signal does not remove listeners', async () => {
  const { addEventListener } = window;
  vi.spyOn(window, 'addEventListener').mockImplementation((type: string, listener: EventListenerOrEventListenerObject) =>
    addEventListener.call(window, type, listener),
  );
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set('/auth/logout', () => answer(503));
  await client.logout();
  client.dispose();
  api.calls.length = 0;
  comeBack();
  dispatchEvent(new Event('online'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(api.calls).toEqual([]);
});

test('login() without crypto.subtle says what is missing, and leaves nothing behind', async () => {
  vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) });
  const kakao = { clientId: 'rest-key', redirectUri: 'http://localhost:5173/callback' };
  const api = scriptedApi();
  await expect(tab(api, { kakao }).login()).rejects.toThrow('needs https or localhost');
  expect(localStorage).toHaveLength(0);
  expect(api.calls).toEqual([]);
});
