/** IndexedDB for a test, which the tabs of one browser share. It fails where the test says so. */

import { IDBFactory } from 'fake-indexeddb';
import { vi } from 'vitest';
import type { Entry } from '../../src/store.js';

const NAME = 'kakao-auth';

/**
 * `refuse`: throws, as in a sandbox. `deny`: `open` fails, as in a private window. `fail`: `open` fails, as on a broken disk. `hang`:
 * it does not respond. `abort`: a transaction that writes fails when it is committed, as on a full disk.
 */
export type Fault = 'refuse' | 'deny' | 'fail' | 'hang' | 'abort';

export function storage() {
  const factory = new IDBFactory();
  const failing = (error: DOMException) => {
    const request = { error, onerror: () => {} };
    queueMicrotask(() => request.onerror());
    return request;
  };

  /** Aborts each transaction of this database in which something is stored. */
  function aborting(db: IDBDatabase): IDBDatabase {
    const { transaction: begin } = db;
    db.transaction = (...options: Parameters<typeof begin>) => {
      const transaction = begin.apply(db, options);
      const { objectStore } = transaction;
      transaction.objectStore = (name) => {
        const store = objectStore.call(transaction, name);
        const { put } = store;
        store.put = (...values: Parameters<typeof put>) => {
          const request = put.apply(store, values);
          request.onsuccess = () => transaction.abort();
          return request;
        };
        return store;
      };
      return transaction;
    };
    return db;
  }

  function open(name: string, version?: number) {
    if (lent.fault === 'refuse') throw new DOMException('The operation is insecure.', 'SecurityError');
    if (lent.fault === 'deny') return failing(new DOMException('A mutation operation was attempted', 'InvalidStateError'));
    if (lent.fault === 'fail') return failing(new DOMException('Internal error opening backing store', 'UnknownError'));
    if (lent.fault === 'hang') return {};
    const request = factory.open(name, version);
    if (lent.fault === 'abort') request.addEventListener('success', () => void aborting(request.result));
    return request;
  }

  async function work<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const request = factory.open(NAME, 1);
    request.onupgradeneeded = () => void request.result.createObjectStore(NAME);
    await new Promise((resolve) => (request.onsuccess = resolve));
    const transaction = request.result.transaction(NAME, mode);
    const result = act(transaction.objectStore(NAME));
    await new Promise((resolve) => (transaction.oncomplete = resolve));
    request.result.close();
    return result.result;
  }

  const lent = {
    fault: undefined as Fault | undefined,
    /** What is on the disk, the newest entry first. */
    entries: async () => ((await work('readonly', (store) => store.get(0))) as Entry[] | undefined) ?? [],
    records: async () => (await lent.entries()).filter(({ prev }) => prev).map(({ key }) => key),
    pending: async () => (await lent.entries()).filter(({ prev }) => !prev),
    remove: () => new Promise((resolve) => (factory.deleteDatabase(NAME).onsuccess = resolve)),
    /** Puts the disk back to what it was. */
    restore: (entries: Entry[]) => work('readwrite', (store) => store.put(entries, 0)),
  };
  vi.stubGlobal('indexedDB', { open });
  return lent;
}
