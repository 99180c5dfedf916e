/** Logins with a credential: each is sent once, and a later login or a logout abandons it. */

import type { ApiResponse } from './api.js';
import { readSession, type Session } from './session.js';
import type { Entry } from './store.js';
import { AuthError, type Credential, type User } from './types.js';

/** `inTurn` runs a task when no other tab uses the cookie, `prepare` comes before a login, and `begin` starts its session in this page. */
export function createLogins(
  inTurn: <T>(work: () => Promise<T>) => Promise<T>,
  prepare: () => Promise<void>,
  send: (credential: Credential & { link: string | undefined }, mayRepeat: () => boolean) => Promise<ApiResponse>,
  beginLink: (credential: Credential) => Promise<Entry>,
  settleLink: (sent: Entry, sid?: unknown, link?: unknown) => Promise<unknown>,
  profile: (access: string) => Promise<User>,
  begin: (session: Session) => Session,
  fail: (error: unknown) => void,
) {
  /** Grows with each login and logout in this page. A login of an earlier generation is abandoned. */
  let generation = 0;
  let sent: string | undefined;
  let user: Promise<User>;

  function logIn(credential: Credential): Promise<User> {
    const own = ++generation;
    return inTurn(async () => {
      await prepare();
      const start = Date.now();
      const entry = await beginLink(credential);
      const content = { ...credential, link: entry.next };
      const response = await send(content, () => own === generation && !(entry.since = 0)).catch((error: AuthError) => {
        // If it was repeated, also after a reload, a session may have begun whose response was lost.
        if (entry.since! >= start && error.code !== 'unavailable') void settleLink(entry);
        throw error;
      });
      const session = await readSession(response, null, null, profile);
      if (entry.next) await settleLink(entry, session.sid, response.body['link']);
      if (own !== generation) throw new AuthError('rejected');
      return begin(session).user;
    }).catch((error: unknown) => {
      if (own === generation) fail(error);
      throw error;
    });
  }

  function exchange(credential: Credential): Promise<User> {
    // React's StrictMode runs effects twice, and a code works only once.
    const text = JSON.stringify(credential);
    if (sent === text) return user;
    sent = text;
    user = logIn(credential);
    user.then('code' in credential ? () => {} : forget, forget);
    return user;
  }

  /** A later exchange of the same credential then sends it again. */
  const forget = () => (sent = undefined);
  const abandon = () => generation++;
  return [exchange, forget, abandon] as const;
}
