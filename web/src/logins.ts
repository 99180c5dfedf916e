/** Logins with a credential: each is sent once, and a later login or a logout abandons it. */

import type { Session } from './session.js';
import { AuthError, type Credential, type User } from './types.js';

/** `inTurn` runs a task when no other tab uses the cookie, and `begin` starts the session in this page. */
export function createLogins(
  inTurn: <T>(work: () => Promise<T>) => Promise<T>,
  send: (credential: Credential, isWanted: () => boolean) => Promise<Session>,
  begin: (session: Session) => Session,
  fail: (error: unknown) => void,
) {
  /** Grows with each login and logout in this page. A login of an earlier generation is abandoned. */
  let generation = 0;
  let sent: string | undefined;
  let user: Promise<User>;

  async function logIn(credential: Credential): Promise<User> {
    const own = ++generation;
    try {
      return await inTurn(async () => {
        const session = await send(credential, () => own === generation);
        if (own !== generation) throw new AuthError('rejected');
        return begin(session).user;
      });
    } catch (error) {
      if (own === generation) fail(error);
      throw error;
    }
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
