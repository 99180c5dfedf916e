/** For servers that render pages: who the browser's cookie belongs to. */

import type { User } from './types.js';

export interface ServerUserOptions {
  /** Address of the API, as the server reaches it. */
  baseUrl: string;
  /** Milliseconds to wait for the API before the page is rendered without a user. Default: 2,000. */
  timeoutMs?: number;
  fetch?: typeof fetch;
}

/** The names of the refresh token's cookie: with https, and in development without. No other cookie is sent to the API. */
const OURS = /^(__Host-Http-)?refresh_token=/;

/**
 * The user of the session cookie in a page's request: its `Cookie` header, or all its headers. Null means that the user is not known,
 * not that nobody is logged in: a browser does not send a `SameSite=Strict` cookie when it comes from another site, such as Kakao's
 * page or a search engine, and a linked session cannot be read by its cookie alone. Render the state `unknown` then; the client in the
 * page finds the session. It changes nothing, never throws, and does not extend the session.
 */
export async function getServerUser(request: string | Pick<Headers, 'get'>, options: ServerUserOptions): Promise<User | null> {
  const { baseUrl, timeoutMs = 2_000, fetch: http = fetch } = options;
  const all = typeof request === 'string' ? request : (request.get('cookie') ?? '');
  const cookie = all.split(/; */).filter((pair) => OURS.test(pair)).join('; ');
  if (!cookie) return null;
  try {
    // `no-store`: a framework that caches responses would show one user to the next visitor.
    const init: RequestInit = { headers: { cookie }, cache: 'no-store', redirect: 'error', signal: AbortSignal.timeout(timeoutMs) };
    const response = await http(`${baseUrl.replace(/\/$/, '')}/auth/session`, init);
    const user = response.ok ? ((await response.json()) as User | null) : null;
    return user?.pk === undefined ? null : user;
  } catch {
    return null;
  }
}
