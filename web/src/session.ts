/** The session of a page: its token and its user. */

import { AuthError, type User } from './types.js';
import type { ApiResponse } from './api.js';
import { random } from './browser.js';

export interface Session {
  /** Random, one for each login. It tells messages and responses about another login apart. */
  id: string;
  /** The API's id of the session. Undefined with dj-rest-auth, and in messages of an older version of this client. */
  sid: string | undefined;
  access: string;
  /** When the token arrived, by this machine's clock. The expiry does not tell which token is newer, because lifetimes vary. */
  since: number;
  /** In milliseconds. */
  life: number;
  user: User;
}

/**
 * Milliseconds until the token is due for renewal: in the last tenth of its life, and at most a minute before its expiry. With a
 * `margin` of 0: until it expires. 0 if that time has passed or there is no token.
 */
export function freshFor(session: Session | null, margin = 60_000): number {
  return session ? Math.max(0, session.since + session.life - Math.min(margin, session.life / 10) - Date.now()) : 0;
}

/**
 * Reads the response to a login or refresh. `previous` is the session that it may continue, `hint` the id of the session that this
 * browser has.
 */
export async function readSession(
  response: ApiResponse,
  previous: Session | null,
  hint: string | null | undefined,
  profile: (access: string) => Promise<User>,
): Promise<Session> {
  try {
    const { access, user } = response.body as { access: string; user?: User };
    // Not verified: that is the API's task.
    const { exp, iat, sid, sub, user_id: id } = JSON.parse(atob(access.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/')));
    // The page takes no absolute time from the API, so a wrong clock does no harm.
    const life = (exp - iat) * 1_000;
    // Not the API's response, but for example a proxy's page with status 200.
    if (!(life > 0)) throw response;
    // Another tab may have logged in as someone else: the cookie is theirs by now.
    const same = `${previous?.user.pk}` === `${sub ?? id}` ? previous : null;
    const known = hint ?? same?.id;
    const isOther = !known || (known === previous?.id && !same);
    const owner = user ?? same?.user ?? (await profile(access));
    return { id: isOther ? random() : known, sid, access, since: Date.now(), life, user: owner };
  } catch (cause) {
    throw new AuthError('unavailable', response.status, cause);
  }
}
