/**
 * The links of this browser's sessions: what a refresh has to send besides the cookie. The cookie is HttpOnly, so only
 * the API knows which session it belongs to.
 */

import { AuthError } from './types.js';
import type { ApiResponse } from './api.js';
import { random } from './browser.js';
import type { Entry, Store } from './store.js';

export const find = (entries: Entry[], key: unknown) => entries.find((entry) => entry.key === key);
export const without = (entries: Entry[], key: unknown) => entries.filter((entry) => entry.key !== key);
export const draw = (entry: Entry): Entry => ({ next: random(16), since: Date.now(), ...entry });

/** Replaces what was sent by the link `prev` that the API has confirmed for the session `sid`, if any. */
export type Settle = (sent: Entry, sid?: unknown, prev?: unknown) => Promise<unknown>;

export function openLinks(change: Store['change'], post: (path: string, content: object) => Promise<ApiResponse>) {
  /** A response that another one has overtaken changes nothing. If it fails, the next refresh is a repetition. */
  const settle: Settle = (sent, sid, prev) =>
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
      throw new AuthError('expired', response.status, response.body);
    }
    response.entry = entry;
    return response;
  }

  return [ask, settle] as const;
}
