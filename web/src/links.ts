/**
 * The links of this browser's sessions: what a refresh has to send besides the cookie. The cookie is HttpOnly, so only
 * the API knows which session it belongs to.
 */

import { AuthError } from './types.js';
import type { ApiResponse } from './api.js';
import { digest, random } from './browser.js';
import type { Entry, Store } from './store.js';

const find = (entries: Entry[], key: unknown) => entries.find((entry) => entry.key === key);
const without = (entries: Entry[], key: unknown) => entries.filter((entry) => entry.key !== key);
const draw = (entry: Entry): Entry => ({ next: random(16), since: Date.now(), ...entry });

export function openLinks({ change, send }: Store, post: (path: string, content: object) => Promise<ApiResponse>) {
  /** The key of a login's entry. A keychain may hold the end of a credential, and an app has no `crypto.subtle`. */
  const keyOf = async (text: string) => (send ? text.slice(-22) : digest(text));

  /** The entry of a login, which all its repetitions share, also after a reload. Empty if it cannot be stored. */
  const begin = (credential: object): Promise<Entry> =>
    keyOf(JSON.stringify(credential))
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
