/** Web Locks: turns between tabs, and which tab can hand its token over. */

import { timeout } from './browser.js';

/**
 * Runs one task at a time across all tabs, if the browser has Web Locks. It never steals a lock. After waiting `patienceMs` for one
 * it runs the task anyway: locks only save requests, and the API handles simultaneous ones correctly.
 */
export function turns(name: string, patienceMs: number) {
  let tail: Promise<unknown> = Promise.resolve();
  return async <T>(work: (waited: boolean) => Promise<T>): Promise<T> => {
    let turn: Promise<T> | undefined;
    const begin = (waited: boolean) => (turn = work(waited));
    // Undefined outside of secure contexts and browsers, although its type does not say so.
    const locks = globalThis.navigator?.locks as LockManager | undefined;
    if (!locks) {
      const next = () => begin(false);
      return (tail = tail.then(next, next)) as Promise<T>;
    }
    try {
      await locks.request(name, { ifAvailable: true }, (lock) => lock && begin(false));
      if (!turn) await locks.request(name, { signal: timeout(patienceMs) }, () => begin(true));
    } catch {
      // The lock was refused, or the task has failed.
    }
    return turn ?? begin(true);
  };
}

/**
 * Shows new tabs whether another tab can hand its token over: a tab that can holds a lock. It has to release the lock when it no
 * longer can, and when the page is left: browsers do not freeze a page that holds a lock, and do not keep it for the Back button.
 */
export function handOver(name: string) {
  const offer = `${name}.token`;
  let withdraw: (() => void) | undefined;
  return [
    (isOffered: unknown) => {
      if (!isOffered) withdraw = withdraw?.() as undefined;
      else if (!withdraw) {
        const withdrawn = new Promise<void>((resolve) => (withdraw = resolve));
        (globalThis.navigator?.locks as LockManager | undefined)?.request(offer, { mode: 'shared' }, () => withdrawn).catch(() => {});
      }
    },
    /** Whether another tab has a fresh token or is requesting one. True if the browser cannot tell. */
    async () => {
      try {
        const { held } = await navigator.locks.query();
        return held!.some((lock) => [name, offer].includes(lock.name!));
      } catch {
        return true;
      }
    },
  ] as const;
}
