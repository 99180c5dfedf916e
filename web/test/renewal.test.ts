import { describe, expect, test, vi } from 'vitest';
import { answer, comeBack, networkError, page, scriptedApi, signedInTab, tab } from './scripted.js';

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

describe('expiry', () => {
  test('twenty calls that meet a 401 at once make one refresh and twenty retries', async () => {
    const api = scriptedApi();
    const client = await signedInTab(api);
    api.expire();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => client.fetch(`/items/${n}`)));

    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(api.count(REFRESH)).toBe(1);
    expect(api.calls).toHaveLength(41);
    expect(client.events.filter(({ type }) => type === 'retried')).toHaveLength(20);
  });

  test('twenty calls that meet a 401 at once make one refresh even if that fails', async () => {
    const api = scriptedApi();
    const client = await signedInTab(api);
    api.expire();
    api.instead.set(REFRESH, () => answer(503));
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.fetch('/items')));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(401));
    expect(api.count(REFRESH)).toBe(1);
  });

  test('a call that learns of its 401 after the refresh takes the new token', async () => {
    const api = scriptedApi();
    const client = await signedInTab(api);
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
    const client = await signedInTab(api);
    api.instead.set('/stuck', () => answer(401));
    expect((await client.fetch('/stuck')).status).toBe(401);
    expect(api.calls.map(({ path }) => path)).toEqual(['/stuck', REFRESH, '/stuck']);
    expect(client.getState().status).toBe('authenticated');
  });

  test('ten calls that learn one after the other that the session is over make one refresh', async () => {
    const api = scriptedApi();
    const client = await signedInTab(api);
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

  test('ten calls at once whose token has run out with the session make one refresh', async () => {
    const api = scriptedApi();
    const client = await signedInTab(api);
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
    const client = await signedInTab(api);
    api.expire();
    await client.fetch('/orders', { method: 'POST', body: 'one coffee' });
    expect(api.calls.filter(({ path }) => path === '/orders').map(({ body }) => body)).toEqual(['one coffee', 'one coffee']);
  });

  test.each([-7_200, 7_200])('a clock that is %i s wrong changes nothing', async (ahead) => {
    const api = scriptedApi();
    api.ahead = ahead;
    const client = await signedInTab(api);
    for (let n = 0; n < 5; n++) expect((await client.fetch('/items')).status).toBe(200);
    expect(api.count(REFRESH)).toBe(0);
    expect(client.expiresAt()! - Date.now()).toBeGreaterThan(290_000);
  });

  test('a visible page renews by itself before the token ends', async () => {
    vi.useFakeTimers();
    const api = scriptedApi();
    const starting = signedInTab(api);
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
    const starting = signedInTab(api);
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
    const starting = signedInTab(api);
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
    const client = await signedInTab(api);
    const before = client.getState();
    const changed = vi.fn();
    client.subscribe(changed);
    await client.refresh();
    expect(client.getState()).toBe(before);
    expect(changed).not.toHaveBeenCalled();
  });
});

describe('a refresh that fails', () => {
  test.each(Object.entries(failures))('by %s leaves whoever is signed in so', async (_, fail) => {
    const api = scriptedApi();
    const client = await signedInTab(api);
    api.instead.set(REFRESH, fail);
    await expect(client.refresh()).rejects.toMatchObject({ code: 'unavailable' });
    expect(client.getState()).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' }, error: { code: 'unavailable' } });
    api.instead.clear();
    await client.refresh();
    expect(client.getState()).toMatchObject({ status: 'authenticated', error: null });
  });

  test('while the token is fresh is told, and is not told any more when the API is back', async () => {
    vi.useFakeTimers();
    const api = scriptedApi();
    const signedIn = signedInTab(api);
    await vi.advanceTimersByTimeAsync(100);
    const client = await signedIn;
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
    const client = await signedInTab(api);
    api.cookie = null;
    api.expire();
    expect((await client.fetch('/items')).status).toBe(401);
    expect(client.getState()).toMatchObject({ status: 'anonymous', user: null, error: { code: 'expired', status: 401 } });
    expect(await client.getToken()).toBe(null);
    expect(localStorage.getItem('kakao-auth.session')).toBe(null);
    expect(client.events).toEqual([{ type: 'signed-out', via: 'network' }]);
  });

  test('is tried again often for half a minute, then seldom, and at once when the page is online again', async () => {
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

  test('does not stop calls: a token is used until its end, and each call does not ask again', async () => {
    vi.useFakeTimers();
    const api = scriptedApi();
    const starting = signedInTab(api);
    await vi.advanceTimersByTimeAsync(100);
    const client = await starting;
    api.instead.set(REFRESH, () => answer(503));
    vi.setSystemTime(Date.now() + 280_000);
    for (let n = 0; n < 5; n++) expect((await client.fetch('/items')).status).toBe(200);
    expect(api.count(REFRESH)).toBe(1);
    vi.setSystemTime(Date.now() + 20_000);
    await expect(client.getToken()).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('waits without a request while the browser is offline', async () => {
    vi.useFakeTimers();
    const api = scriptedApi();
    const starting = signedInTab(api);
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

test('a refresh outlives the page that asked for it', async () => {
  const api = scriptedApi();
  const client = await signedInTab(api);
  await client.refresh();
  expect(api.calls).toMatchObject([{ path: REFRESH, keepalive: true, credentials: 'include', bearer: null }]);
});

test('who never signed in costs no request, unless `silent` is `always`', async () => {
  const api = scriptedApi();
  expect(await tab(api).start()).toMatchObject({ status: 'anonymous', error: null });
  expect(api.calls).toHaveLength(0);
  expect(await tab(api, { silent: 'always' }).start()).toMatchObject({ status: 'authenticated' });
  expect(api.count(REFRESH)).toBe(1);
});

test('a disposed client does not try a failed log-out again', async () => {
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

test('a disposed client does not even ask what was waiting for its turn', async () => {
  const api = scriptedApi();
  const client = tab(api);
  await client.start();
  let release = () => {};
  api.instead.set('/auth/kakao', () => new Promise((resolve) => (release = () => resolve(answer(400)))));
  const signingIn = client.exchange({ access_token: 'ryan' });
  const refreshing = client.refresh();
  await expect.poll(() => api.count('/auth/kakao')).toBe(1);
  client.dispose();
  release();
  await expect(signingIn).rejects.toThrow();
  expect(await refreshing).toBe(null);
  expect(api.count(REFRESH)).toBe(0);
});

test('a disposed client asks nothing, hears nothing and keeps no timer', async () => {
  vi.useFakeTimers();
  localStorage.setItem('kakao-auth.session', 'first');
  const api = scriptedApi();
  const gone = tab(api);
  const started = gone.start();
  gone.dispose();
  await vi.advanceTimersByTimeAsync(1_000);
  await started;
  expect(api.calls).toHaveLength(0);

  const starting = signedInTab(api);
  await vi.advanceTimersByTimeAsync(100);
  (await starting).dispose();
  dispatchEvent(new Event('online'));
  comeBack();
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(api.calls).toHaveLength(0);
  expect(vi.getTimerCount()).toBe(0);
});
