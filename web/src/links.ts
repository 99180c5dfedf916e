/**
 * The links of this browser's sessions, in IndexedDB: what a refresh has to send besides the cookie. The cookie is HttpOnly, so only
 * the API knows which session it belongs to.
 */

import { AuthError } from './types.js';
import type { ApiResponse } from './api.js';
import { digest, random } from './browser.js';

/** A record of a session, or the first link of a login whose response has not been stored. */
export interface Entry {
  /** The session's `sid`, or a hash of the login's credential. */
  key?: unknown;
  /** The last link that the API has confirmed. Only records have one. */
  prev?: unknown;
  /** The link after it, from before it is sent until the API has confirmed it. It is random, so it identifies what was sent. */
  next?: string;
  /** When `next` was drawn: a repetition finds an older one. */
  since?: number;
}

const find = (entries: Entry[], key: unknown) => entries.find((entry) => entry.key === key);
const without = (entries: Entry[], key: unknown) => entries.filter((entry) => entry.key !== key);
const draw = (entry: Entry): Entry => ({ next: random(16), since: Date.now(), ...entry });

export function openLinks(name: string, post: (path: string, content: object) => Promise<ApiResponse>) {
  /** One transaction: `work` changes the list of entries, the newest first. Resolves to the new list when it is on the disk. */
  const change = (work: (entries: Entry[]) => Entry[]) =>
    new Promise<Entry[]>((resolve, reject) => {
      // It may not respond at all, for example in Safari 14.
      setTimeout(reject, 2_000);
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(name);
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const transaction = request.result.transaction(name, 'readwrite', { durability: 'strict' });
        // As soon as the transaction is done: nothing that stays open prevents a deletion.
        request.result.close();
        const store = transaction.objectStore(name);
        const stored = store.get(0);
        stored.onsuccess = () => {
          const entries = work(stored.result ?? []);
          // One is the present session's. The others are of logins in progress, and of sessions to which a crash may take the cookie back.
          store.put(entries.slice(0, 12), 0);
          transaction.oncomplete = () => resolve(entries);
        };
        transaction.onabort = () => reject(transaction.error);
      };
    });

  /** The entry of a login, which all its repetitions share, also after a reload. Empty if it cannot be stored. */
  const begin = (credential: object): Promise<Entry> =>
    digest(JSON.stringify(credential))
      .then((key) => change((entries) => [draw(find(entries, key) ?? { key }), ...without(entries, key)]))
      .then(
        ([entry]) => entry!,
        () => ({}),
      );

  /**
   * Replaces what was sent by the link `prev` that the API has confirmed for the session `sid`, if any. A response that another
   * one has overtaken changes nothing. If it fails, the next refresh is a repetition.
   */
  const settle = (sent: Entry, sid?: unknown, prev?: unknown) =>
    change((entries) => {
      const record = find(entries, sid);
      const others = without(without(entries, sent.key), sid);
      return prev ? [record && record.next !== sent.next ? record : { key: sid, prev }, ...others] : others;
    }).catch(() => {});

  /**
   * Sends `content` with one stored link after the other, until the API does not ask for another one. Rejects with `expired` and
   * 401 or 409 if the session has ended, and 403 if no link is left. A storage that fails is like an empty one, except after a 403.
   */
  async function ask(path: string, content: object, tried: unknown[] = [], sid?: unknown): Promise<ApiResponse> {
    let isBroken = false;
    const entries = await change((all) => all.map(draw)).catch((error?: Error) => {
      // Private windows and sandboxes refuse access with an InvalidStateError or a SecurityError, and some browsers have no IndexedDB.
      isBroken = !/^[IRST]/.test(error?.name!);
      return [];
    });
    const untried = entries.filter(({ key }) => !tried.includes(key));
    const entry = find(untried, sid) ?? untried[0];
    if (!entry && tried.length) throw new AuthError(isBroken ? 'unavailable' : 'expired', 403);
    const response = await post(path, { ...content, link: entry && { prev: entry.prev, next: entry.next } });
    const { code, session } = response.body;
    // Entries count as tried for the session that the API names: a login may change the cookie meanwhile.
    if (code === 'link_required') return ask(path, content, [...(session === sid ? tried : []), entry?.key], session);
    if (code === 'link_stale') {
      const current = await change((all) => all).catch((): Entry[] => []);
      // Another tab was faster.
      if (!current.some(({ next }) => next === entry!.next)) return ask(path, content);
    }
    if (code === 'link_stale' || (response.status === 401 && code === 'token_not_valid')) {
      // A 401 to a login's link may be about the session before that login.
      if (entry?.prev) void settle(entry);
      throw new AuthError('expired', response.status);
    }
    response.entry = entry;
    return response;
  }

  return [ask, begin, settle] as const;
}
