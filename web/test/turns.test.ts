import { afterEach, expect, test, vi } from 'vitest';
import { turns } from '../src/locks.js';

afterEach(() => void vi.unstubAllGlobals());

type Work = (lock: object | null) => Promise<unknown>;

/** The part of `navigator.locks` that `turns` uses. `held`: another tab never releases the lock. */
function locks({ held = false, refused = false } = {}) {
  let queue: Promise<unknown> = held ? new Promise(() => {}) : Promise.resolve();
  let isBusy = held;
  const request = vi.fn(async (_: string, options: { ifAvailable?: boolean; signal?: AbortSignal }, work: Work) => {
    if (refused) throw new DOMException('not in a sandbox', 'SecurityError');
    if (options.ifAvailable && isBusy) return work(null);
    const before = queue;
    isBusy = true;
    let done = () => {};
    queue = new Promise<void>((resolve) => (done = resolve));
    const given = new Promise((_, reject) => options.signal?.addEventListener('abort', () => reject(options.signal!.reason)));
    try {
      await Promise.race([before, given]);
      return await work({});
    } finally {
      isBusy = held;
      done();
    }
  });
  vi.stubGlobal('navigator', Object.assign(Object.create(navigator), { locks: { request } }));
  return request;
}

test.each([
  ['with locks', () => void locks()],
  ['without locks', () => {}],
])('%s, tasks run one at a time, and a failed one does not stop the next', async (_, lend) => {
  lend();
  const inTurn = turns('name', 1_000);
  const log: string[] = [];
  const work = (name: string) => async () => {
    log.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    log.push(`${name} ends`);
    if (name === 'a') throw new Error('a failed');
    return name;
  };
  const results = await Promise.allSettled(['a', 'b', 'c'].map((name) => inTurn(work(name))));
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  expect(results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed'))).toEqual(['failed', 'b', 'c']);
});

test('a task is told whether it had to wait', async () => {
  locks();
  const inTurn = turns('name', 1_000);
  expect(await Promise.all([inTurn(async (waited) => waited), inTurn(async (waited) => waited)])).toEqual([false, true]);
});

test('a task does not wait forever for a tab that keeps the lock', async () => {
  const request = locks({ held: true });
  expect(await turns('name', 20)(async (waited) => waited)).toBe(true);
  expect(request.mock.calls.some(([, options]) => 'steal' in options)).toBe(false);
});

test('without permission for locks, a task runs without one', async () => {
  locks({ refused: true });
  expect(await turns('name', 20)(async () => 'done')).toBe('done');
});

test('a task that fails is not run again', async () => {
  locks();
  const work = vi.fn(async () => Promise.reject(new Error('no')));
  await expect(turns('name', 20)(work)).rejects.toThrow('no');
  expect(work).toHaveBeenCalledTimes(1);
});
