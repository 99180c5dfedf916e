/** The calls about the user's own account: sessions, export, deletion and profile. */

import { type AccountExport, AuthError, type AuthClient, type AuthSession, type DeletionReceipt, type User } from './types.js';
import type { Session } from './session.js';
import { json, read } from './api.js';
import { refusal } from './logins.js';

export function createAccount(
  fetch: AuthClient['fetch'],
  profilePath: string,
  timeoutMs: number,
  start: () => Promise<unknown>,
  getSession: () => Session | null,
  logout: () => Promise<unknown>,
  endSession: () => void,
  setUser: (user: User, isOwn: boolean) => void,
  sessionsChanged: () => void,
) {
  /** A response without `member` is a proxy's. Without `member`, the API's response is a 204, or `not_found` if that is done already. */
  async function call<Body>(path: string, member: string, init: RequestInit = {}): Promise<Body> {
    // One call may be a refresh and two requests.
    const response = await read(fetch, path, 3 * timeoutMs, init);
    const { ok, status, body, cause } = response;
    if (member ? ok && body[member] !== undefined : status === 204 || body['code'] === 'not_found') return body as Body;
    if (cause instanceof AuthError) throw cause;
    throw status === 401 ? new AuthError(getSession() ? 'unavailable' : 'expired', status) : refusal(response);
  }

  return {
    sessions: () => call<{ sessions: AuthSession[] }>('/auth/sessions', 'sessions').then((body) => body.sessions),
    async endSession(id) {
      if (getSession()?.sid === id) return void (await logout());
      await call(`/auth/sessions/${encodeURIComponent(id)}`, '', { method: 'DELETE' });
      sessionsChanged();
    },
    account: () => call<AccountExport>('/auth/account', 'account'),
    async deleteAccount() {
      await start();
      const id = getSession()?.id;
      // `include`, because the response removes the refresh cookie.
      const init: RequestInit = { method: 'DELETE', credentials: 'include', keepalive: true };
      const receipt = await call<DeletionReceipt>('/auth/account', 'deleted_at', init);
      // Meanwhile another tab may have logged in as someone else.
      if (getSession()?.id === id) endSession();
      return receipt;
    },
    async updateProfile(changes) {
      const user = await call<User>(profilePath, 'pk', json('PATCH', changes));
      setUser(user, true);
      return user;
    },
  } satisfies Partial<AuthClient>;
}
