import { expect, test, vi } from 'vitest';
import { comeBack, messages, scriptedApi, loggedInTab, tab } from './scripted.js';

const REFRESH = '/auth/refresh';
const TURN = 'kakao-auth';
const TOKEN = 'kakao-auth.token';

type Work = (lock: object | null) => Promise<unknown>;
type Options = { mode?: string; ifAvailable?: boolean };

/** `navigator.locks` for several tabs of one test: exclusive and shared locks, first come, first served. */
function locks() {
  const held: { name: string; mode: string }[] = [];
  const waiting: (() => void)[] = [];
  const request = async (name: string, { mode, ifAvailable }: Options, work: Work) => {
    const lock = { name, mode: mode ?? 'exclusive' };
    const isFree = () => held.every((other) => other.name !== name || (mode === 'shared' && other.mode === 'shared'));
    if (ifAvailable && !isFree()) return work(null);
    while (!isFree()) await new Promise<void>((resolve) => waiting.push(resolve));
    held.push(lock);
    try {
      return await work(lock);
    } finally {
      held.splice(held.indexOf(lock), 1);
      waiting.splice(0).forEach((look) => look());
      lent.onRelease?.();
    }
  };
  const query = async () => ({ held: [...held], pending: [] });
  const lent = { request, query, names: () => held.map(({ name }) => name), onRelease: undefined as (() => void) | undefined };
  vi.stubGlobal('navigator', Object.create(navigator, { locks: { value: lent }, onLine: { value: true } }));
  return lent;
}

/** A tab of a browser with a session. From now on timers stand still, so a wait by time never ends. */
function newTabWithoutTimers(api: ReturnType<typeof scriptedApi>) {
  localStorage.setItem('kakao-auth.session', 'first');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  return tab(api);
}

test('a tab without others sends its refresh at once', async () => {
  locks();
  const api = scriptedApi();
  expect(await newTabWithoutTimers(api).start()).toMatchObject({ status: 'authenticated' });
  expect(api.count(REFRESH)).toBe(1);
});

test('a new tab waits for another one that can hand its token over', async () => {
  const lent = locks();
  const api = scriptedApi();
  const first = await loggedInTab(api);
  expect(lent.names()).toEqual([TOKEN]);
  const second = tab(api);
  await second.start();
  expect(await second.getToken()).toBe(await first.getToken());
  expect(api.calls).toEqual([]);
  expect(lent.names(), 'now both can').toEqual([TOKEN, TOKEN]);
});

test.each([
  ['refuses to say who holds locks', () => Promise.reject<never>(new DOMException('no', 'SecurityError'))],
  ['cannot say who holds locks', undefined],
  ['never says who holds locks', () => new Promise<never>(() => {})],
])('if the browser %s, a new tab waits as long as another one may need', async (_, query) => {
  Object.assign(locks(), { query });
  const api = scriptedApi();
  const client = newTabWithoutTimers(api);
  const started = client.start();
  await vi.advanceTimersByTimeAsync(59);
  expect(api.calls).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await started).toMatchObject({ status: 'authenticated' });
});

test('tabs that start at once make one refresh', async () => {
  locks();
  const api = scriptedApi();
  localStorage.setItem('kakao-auth.session', 'first');
  const all = [tab(api), tab(api), tab(api)];
  await Promise.all(all.map((one) => one.start()));
  expect(all.map((one) => one.getState().status)).toEqual(Array(3).fill('authenticated'));
  expect(api.count(REFRESH)).toBe(1);
});

test('a tab that starts while another one refreshes waits for its message, which may arrive after the lock', async () => {
  const lent = locks();
  const api = scriptedApi();
  localStorage.setItem('kakao-auth.session', 'first');
  let release = () => {};
  api.instead.set(REFRESH, () => new Promise((resolve) => (release = () => resolve(api.granted('ryan')))));
  const [first, second] = [tab(api), tab(api)];
  const starting = [first.start()];
  await expect.poll(() => api.count(REFRESH)).toBe(1);
  expect(lent.names()).toEqual([TURN]);
  const { query } = lent;
  // The query resolves after the lock is released, while the message is still in transit.
  lent.query = async () => {
    const seen = await query();
    await new Promise<void>((resolve) => (lent.onRelease = resolve));
    return seen;
  };
  starting.push(second.start());
  // At once: a new tab waits for 60 ms, and then sends its own refresh.
  await expect.poll(() => lent.onRelease, { interval: 1 }).toBeDefined();
  release();
  await Promise.all(starting);
  expect(second.getState().status).toBe('authenticated');
  expect(api.count(REFRESH)).toBe(1);
});

test('a tab holds its lock while its token can be handed over, and not in the back/forward cache', async () => {
  const lent = locks();
  const api = scriptedApi();
  const client = await loggedInTab(api);
  const offers = async () => {
    await messages();
    return lent.names().length;
  };
  const hidden = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true);
  comeBack();
  expect(await offers(), 'a hidden tab still answers').toBe(1);

  dispatchEvent(new Event('pagehide'));
  comeBack();
  expect(await offers(), 'a tab that is put aside').toBe(0);
  hidden.mockReturnValue(false);
  dispatchEvent(new Event('pageshow'));
  expect(await offers(), 'one that came back').toBe(1);

  hidden.mockReturnValue(true);
  const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 280_000);
  comeBack();
  expect(await offers(), 'a hidden one whose token is due').toBe(0);
  now.mockRestore();
  hidden.mockRestore();
  comeBack();
  expect(await offers()).toBe(1);

  await client.logout();
  expect(await offers(), 'nobody is logged in').toBe(0);
  await client.exchange({ access_token: 'muzi' });
  expect(await offers()).toBe(1);
  client.dispose();
  expect(await offers(), 'a disposed client').toBe(0);
});
