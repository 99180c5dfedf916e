/** Exchanges of credentials: each is sent once, and a later one or a logout abandons it. */

import type { Credential, User } from './types.js';

/** `logIn` sends a credential, unless `isCurrent` says that it is abandoned. `fail` shows why it failed. */
export function createExchange(logIn: (credential: Credential, isCurrent: () => boolean) => Promise<User>, fail: (error: unknown) => void) {
  /** Grows with each login and logout in this page. A login of an earlier generation is abandoned. */
  let generation = 0;
  let sent: string | undefined;
  let user: Promise<User>;

  function exchange(credential: Credential): Promise<User> {
    // React's StrictMode runs effects twice, and a code works only once.
    const text = JSON.stringify(credential);
    if (sent === text) return user;
    sent = text;
    const own = ++generation;
    const isCurrent = () => own === generation;
    user = logIn(credential, isCurrent).catch((error: unknown) => {
      if (isCurrent()) fail(error);
      throw error;
    });
    user.then('code' in credential ? () => {} : forget, forget);
    return user;
  }

  /** A later exchange of the same credential then sends it again. */
  const forget = () => (sent = undefined);
  const abandon = () => generation++;
  return [exchange, forget, abandon] as const;
}
