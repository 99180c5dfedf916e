/** `fetch` with the access token. */

import type { Session } from './session.js';
import { AuthError, type AuthEvent } from './types.js';

export function createFetch(
  http: typeof fetch,
  base: string,
  getSession: () => Session | null,
  getToken: () => Promise<string | null>,
  renew: () => Promise<Session | null>,
  emit: (type: AuthEvent['type'], via: AuthEvent['via']) => void,
) {
  const origin = base.split('/', 3).join('/');
  return async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const isPath = /^\/(?!\/)/.test(input as string);
    const plain = new Request(isPath ? base + (input as string) : input, init);
    if (!plain.url.startsWith(`${origin}/`)) return http(plain);
    // Only the refresh route needs the refresh cookie.
    const request = input instanceof Request || init?.credentials ? plain : new Request(plain, { credentials: 'omit' });
    const caller = getSession()?.id;
    const token = await getToken();
    if (!token) return http(request);

    // A call that was made for one account is not sent for another one.
    const owner = getSession()?.id;
    if (caller && caller !== owner) throw new AuthError('expired');
    const spare = request.clone();
    request.headers.set('authorization', `Bearer ${token}`);
    const response = await http(request);
    if (response.status !== 401) return response;
    // Meanwhile another call may have renewed the token or learnt that the session has ended.
    const current = getSession();
    const next = current?.access !== token ? current : await renew().catch(() => null);
    if (next?.id !== owner) return response;
    await response.body?.cancel();
    emit('retried', 'page');
    spare.headers.set('authorization', `Bearer ${next!.access}`);
    return http(spare);
  };
}
