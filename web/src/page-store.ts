/** What a page keeps in the browser: strings in the storages, and the links of its sessions in IndexedDB. */

import type { Entry, Store } from './store.js';

/**
 * `prefix` begins the names in the storages, and is the name of the database. If the browser refuses access to a storage, its strings
 * are kept in memory until the page is closed, and `get` returns undefined for a missing one.
 */
export function pageStore(prefix: string): Store {
  const refused = new Map<string, string | null>();
  /** A code belongs to one tab. */
  const storageOf = (name: string) => window[name === '.code' ? 'sessionStorage' : 'localStorage'];
  return {
    get(name) {
      try {
        return refused.get(name) ?? storageOf(name).getItem(prefix + name);
      } catch {
        return undefined;
      }
    },
    set(name, value) {
      refused.delete(name);
      try {
        if (value === null) storageOf(name).removeItem(prefix + name);
        else storageOf(name).setItem(prefix + name, value);
      } catch {
        refused.set(name, value);
      }
    },
    change: (work) =>
      new Promise<Entry[]>((resolve, reject) => {
        // It may not respond at all, for example in Safari 14.
        setTimeout(reject, 2_000);
        const request = indexedDB.open(prefix, 1);
        request.onupgradeneeded = () => request.result.createObjectStore(prefix);
        request.onerror = () => reject(request.error);
        request.onsuccess = () => {
          const transaction = request.result.transaction(prefix, 'readwrite', { durability: 'strict' });
          // As soon as the transaction is done: nothing that stays open prevents a deletion.
          request.result.close();
          const store = transaction.objectStore(prefix);
          const stored = store.get(0);
          stored.onsuccess = () => {
            const entries = work(stored.result ?? []);
            // One is the present session's. The others are of logins in progress, and of sessions to which a crash may take the cookie back.
            store.put(entries.slice(0, 12), 0);
            transaction.oncomplete = () => resolve(entries);
          };
          transaction.onabort = () => reject(transaction.error);
        };
      }),
  };
}
