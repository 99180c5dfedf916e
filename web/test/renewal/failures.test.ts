import { describe, expect, test, vi } from 'vitest';
import { answer, networkError, page, scriptedApi, loggedInTab, tab } from '../scripted.js';

const REFRESH = '/auth/refresh';
/** The connection is lost in the middle of the body. */
const brokenOff = (status: number, beginning: string) => {
  const sends = (body: ReadableStreamDefaultController) => (body.enqueue(new TextEncoder().encode(beginning)), body.error(new TypeError('lost')));
  return new Response(new ReadableStream({ start: sends }), { status });
};
const failures = {
  'the network': networkError,
  'a 403': () => answer(403),
  'a 404': () => answer(404),
  'a 429': () => answer(429),
  'a 500': () => answer(500),
  'a 503': () => answer(503),
  'a page with status 200': () => page(200),
  'a proxy’s 401 page': () => page(401),
  'a 401 that asks for a password': () => new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="staging"' } }),
  'a 401 with JSON that has no code': () => answer(401, { message: 'Unauthorized' }),
  'a 401 with null': () => answer(401, null),
  'a 401 with another service’s code': () => answer(401, { code: 'unauthorized', detail: 'Log in to the VPN.' }),
  'a 401 that breaks off': () => brokenOff(401, '{"code":"token_not_va'),
  'a 403 with the API’s code for 401': () => answer(403, { code: 'token_not_valid' }),
  'JSON with status 200 that is not the API’s': () => answer(200, { status: 'ok' }),
  'a response that breaks off': () => brokenOff(200, '{"access":'),
  'a token that ends before it begins': () => answer(200, { access: 'e30.eyJpYXQiOjIsImV4cCI6MX0.', user: { pk: 'ryan' } }),
};

describe('a refresh that fails', () => {
  test.each(Object.entries(failures))('by %s logs nobody out', async (_, fail) => {
    const api = scriptedApi();
    const client = await loggedInTab(api);
    api.instead.set(REFRESH, fail);
    await expect(client.refresh()).rejects.toMatchObject({ code: 'unavailable' });
    expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' }, error: { code: 'unavailable' } });
    api.instead.clear();
    await client.refresh();
    expect(client.getState()).toMatchObject({ status: 'authenticated', error: null });
  });

  test('while the token is fresh is shown as an error until the API is back', async () => {
    vi.useFakeTimers();
    const api = scriptedApi();
    const loggedIn = loggedInTab(api);
    await vi.advanceTimersByTimeAsync(100);
    const client = await loggedIn;
    api.instead.set(REFRESH, () => answer(503));
    await expect(client.refresh()).rejects.toMatchObject({ code: 'unavailable' });
    api.instead.clear();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(client.getState()).toMatchObject({ status: 'authenticated', error: null });
  });

  test.each(Object.entries(failures))('by %s while the page loads is `unknown`, and recovers by itself', async (_, fail) => {
    vi.useFakeTimers();
    localStorage.setItem('kakao-auth.session', 'first');
    const api = scriptedApi();
    api.instead.set(REFRESH, fail);
    const client = tab(api);
    const started = client.start();
    await vi.advanceTimersByTimeAsync(100);
    expect(await started).toMatchObject({ status: 'unknown', error: { code: 'unavailable' } });
    await expect(client.getToken()).rejects.toMatchObject({ code: 'unavailable' });
    api.instead.clear();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(client.getState()).toMatchObject({ status: 'authenticated', error: null });
  });

  test('by the API’s own 401 ends the session, everywhere in this page', async () => {
    const api = scriptedApi();
    const client = await loggedInTab(api);
    api.cookie = null;
    api.expire();
    expect((await client.fetch('/items')).status).toBe(401);
    expect(client.getState()).toMatchObject({ status: 'anonymous', user: null, error: { code: 'expired', status: 401 } });
    expect(await client.getToken()).toBe(null);
    expect(localStorage.getItem('kakao-auth.session')).toBe(null);
    expect(client.events).toEqual([{ type: 'logged-out', via: 'network' }]);
  });

  test('is retried often for half a minute, then rarely, and at once when the page is online again', async () => {
    vi.useFakeTimers();
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    localStorage.setItem('kakao-auth.session', 'first');
    const api = scriptedApi();
    api.instead.set(REFRESH, () => answer(503));
    void tab(api).start();
    const tries: number[] = [];
    for (let second = 0; second < 200; second++) {
      const before = api.count(REFRESH);
      await vi.advanceTimersByTimeAsync(1_000);
      if (api.count(REFRESH) > before) tries.push(second);
    }
    expect(tries).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 87, 147]);
    dispatchEvent(new Event('online'));
    await vi.advanceTimersByTimeAsync(10);
    expect(api.count(REFRESH)).toBe(13);
  });

  test('does not stop calls: the token is used until it expires, without a refresh for each call', async () => {
    vi.useFakeTimers();
    const api = scriptedApi();
    const starting = loggedInTab(api);
    await vi.advanceTimersByTimeAsync(100);
    const client = await starting;
    api.instead.set(REFRESH, () => answer(503));
    vi.setSystemTime(Date.now() + 280_000);
    for (let n = 0; n < 5; n++) expect((await client.fetch('/items')).status).toBe(200);
    expect(api.count(REFRESH)).toBe(1);
    vi.setSystemTime(Date.now() + 20_000);
    await expect(client.getToken()).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('is not attempted while the browser is offline', async () => {
    vi.useFakeTimers();
    const api = scriptedApi();
    const starting = loggedInTab(api);
    await vi.advanceTimersByTimeAsync(100);
    const client = await starting;
    const onLine = vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false);
    await vi.advanceTimersByTimeAsync(400_000);
    expect(api.count(REFRESH)).toBe(0);
    expect(client.getState().status).toBe('authenticated');
    onLine.mockReturnValue(true);
    dispatchEvent(new Event('online'));
    await vi.advanceTimersByTimeAsync(10);
    expect(api.count(REFRESH)).toBe(1);
  });
});
