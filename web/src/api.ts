//! The API's four routes: what they are sent, and what their answers say.

import { AuthError, type AuthClientOptions, type User } from './types.js';

const PATHS = {
  own: { login: '/auth/kakao', refresh: '/auth/refresh', logout: '/auth/logout', profile: '/auth/profile' },
  'dj-rest-auth': {
    login: '/dj-rest-auth/kakao/',
    refresh: '/dj-rest-auth/token/refresh/',
    logout: '/dj-rest-auth/logout/',
    profile: '/dj-rest-auth/user/',
  },
};

/** What an answer of login or refresh says. */
export interface Grant {
  access: string;
  /** Milliseconds that the token lives. Only this length is taken from the API, so a wrong clock does no harm. */
  life: number;
  /** Whose token it is, as in `pk` of the user. */
  subject: string;
  user: User | undefined;
}

export function api(options: AuthClientOptions) {
  const { timeoutMs = 7_000, fetch: http = (...request) => fetch(...request) } = options;
  const base = new URL(options.baseUrl || '/', globalThis.location?.href ?? 'http://localhost').href.replace(/\/$/, '');
  const paths = PATHS[options.paths ?? 'own'];

  /** Survives the page (`keepalive`): a lost answer to a refresh is then rare. */
  function post(path: string, body: object): Promise<Response> {
    const request: RequestInit = {
      method: 'POST',
      credentials: 'include',
      cache: 'no-store',
      keepalive: true,
      signal: AbortSignal.timeout(timeoutMs),
      // JSON makes another origin ask before it may send this (CORS), and the API refuses everything else.
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
    return http(base + path, request).catch((cause) => Promise.reject(new AuthError('unavailable', 0, cause)));
  }

  async function profile(access: string): Promise<User> {
    const response = await http(base + paths.profile, {
      cache: 'no-store',
      signal: AbortSignal.timeout(timeoutMs),
      headers: { authorization: `Bearer ${access}` },
    });
    if (!response.ok) throw new Error('no profile');
    return (await response.json()) as User;
  }

  return { base, paths, timeoutMs, http, post, profile };
}

/** Throws if the answer is none, for example a proxy's page with status 200. */
export async function grant(response: Response): Promise<Grant> {
  const { access, user } = (await response.json()) as { access: string; user?: User };
  // Unchecked: the API checks it, the page only wants to know how long to keep it and whose it is.
  const claims = JSON.parse(atob((access.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')));
  const life = (claims.exp - claims.iat) * 1_000;
  if (!(life > 0)) throw new Error('no life');
  return { access, life, subject: String(claims.sub ?? claims.user_id), user };
}
