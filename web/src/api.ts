/** The API's routes: requests to them, and which responses are the API's own. */

import type { Entry, Store } from './store.js';
import { parseJson, timeout } from './browser.js';
import { AuthError, type CoreOptions, type User } from './types.js';

/** A response that is the API's only if its body says so: a proxy, a firewall or a captive portal may have responded instead. */
export interface ApiResponse {
  ok?: boolean;
  /** 0 if the response was lost or incomplete. */
  status: number;
  /** Empty if it is not JSON. */
  body: Record<string, unknown>;
  /** The `Retry-After` header, in seconds. */
  retryAfter?: number;
  cause?: unknown;
  /** The links that were sent with the request. */
  entry?: Entry | undefined;
}

/** JSON makes the browser send a preflight from other origins (CORS), and the API refuses any other content type. */
export const json = (method: string, content: object): RequestInit => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(content),
});

/** The paths of login, refresh, logout and profile. */
export type Paths = readonly [login: string, refresh: string, logout: string, profile: string];
export const OWN: Paths = ['/auth/kakao', '/auth/refresh', '/auth/logout', '/auth/profile'];
export const DJANGO: Paths = ['/dj-rest-auth/kakao/', '/dj-rest-auth/token/refresh/', '/dj-rest-auth/logout/', '/dj-rest-auth/user/'];

export function api(options: CoreOptions, paths: Paths, { send }: Store) {
  const { timeoutMs = 7_000, fetch: http = (...request) => fetch(...request) } = options;
  const { location } = globalThis;
  // React Native's `URL` is incomplete, and a server has no address of its own.
  const base = (location ? new URL(options.baseUrl || '/', location.href).href : options.baseUrl).replace(/\/$/, '');
  const [loginPath, refreshPath, logoutPath, profilePath] = paths;
  const isDjango = paths !== OWN;

  const request = (path: string, init: RequestInit) => read(http, base + path, timeoutMs, init);

  /** `keepalive` lets the request outlive the page, so the response to a refresh is rarely lost. */
  const post = (path: string, content: object) =>
    send
      ? send(path, content, (body) => request(path, { ...json('POST', body), credentials: 'omit' }))
      : request(path, { ...json('POST', content), credentials: 'include', keepalive: true });

  /** Whether the session has ended on the server. dj-rest-auth responds to a logout without a session with a 401 without a `code`. */
  function isLoggedOut({ ok, status, body }: ApiResponse): boolean {
    return typeof body['detail'] === 'string' && (ok || (status === 401 && isDjango && !body['code']));
  }

  async function profile(access: string): Promise<User> {
    const response = await request(profilePath, { headers: { authorization: `Bearer ${access}` } });
    const user = response.body as User;
    if (!response.ok || user.pk === undefined) throw response;
    return user;
  }

  return [base, post, logoutPath, http, refreshPath, timeoutMs, loginPath, isLoggedOut, profilePath, profile] as const;
}

/** Sends a request and reads the response, whatever becomes of it. */
export async function read(http: typeof fetch, url: string, timeoutMs: number, init: RequestInit): Promise<ApiResponse> {
  try {
    const response = await http(url, { cache: 'no-store', signal: timeout(timeoutMs), ...init });
    const body = (parseJson(await response.text()) as ApiResponse['body'] | null) ?? {};
    const { ok, status, headers } = response;
    return { ok, status, body, retryAfter: Number(headers.get('retry-after')) };
  } catch (cause) {
    return { status: 0, body: {}, cause };
  }
}

/** The error for a response that says nothing about the session. */
export const unavailable = ({ status, cause, body }: { status: number; cause?: unknown; body?: unknown }) =>
  new AuthError('unavailable', status, cause ?? body);
