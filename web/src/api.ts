/** The API's routes: requests to them, and which responses are the API's own. */

import type { Entry } from './store.js';
import { parseJson, REPEAT_MS, sleep, timeout } from './browser.js';
import { AuthError, type AuthErrorCode, type CoreOptions, type Credential, type User } from './types.js';

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

/** The API's codes that are also codes of an `AuthError`. */
const OWN_CODES: AuthErrorCode[] = ['login_required', 'account_being_deleted'];

/** The paths of login, refresh, logout and profile. */
export type Paths = readonly [login: string, refresh: string, logout: string, profile: string];
export const OWN: Paths = ['/auth/kakao', '/auth/refresh', '/auth/logout', '/auth/profile'];
export const DJANGO: Paths = ['/dj-rest-auth/kakao/', '/dj-rest-auth/token/refresh/', '/dj-rest-auth/logout/', '/dj-rest-auth/user/'];

export function api(options: CoreOptions, paths: Paths) {
  const { timeoutMs = 7_000, fetch: http = (...request) => fetch(...request) } = options;
  const base = new URL(options.baseUrl || '/', globalThis.location?.href ?? 'http://localhost').href.replace(/\/$/, '');
  const [loginPath, refreshPath, logoutPath, profilePath] = paths;
  const isDjango = paths !== OWN;

  const request = (path: string, init: RequestInit) => read(http, base + path, timeoutMs, init);

  /** `keepalive` lets the request outlive the page, so the response to a refresh is rarely lost. */
  const post = (path: string, content: object) => request(path, { ...json('POST', content), credentials: 'include', keepalive: true });

  /**
   * Sends a credential up to three times, if `mayRepeat`, after a lost response, a 429 or a 5xx. This is safe, because the API
   * repeats its response to a credential.
   */
  async function login(credential: Credential & { link: string | undefined }, mayRepeat: () => boolean): Promise<ApiResponse> {
    const end = Date.now() + REPEAT_MS;
    for (let tries = 1; ; tries++) {
      const response = await post(loginPath, credential);
      const { ok, status, body, retryAfter } = response;
      if (ok) return response;
      const wait = 1_000 * (retryAfter || tries * (0.25 + Math.random() / 2));
      // After `too_many_logins` the user has to log in again later: the API has redeemed this code.
      const isTemporary = !status || (status >= 429 && body['code'] !== 'too_many_logins');
      if (!isTemporary || tries > 2 || Date.now() + wait > end || (await sleep(wait), !mayRepeat())) throw refusal(response);
    }
  }

  /** Starts the login function while the user is at Kakao, so that the login waits for no cold start. dj-rest-auth has no such route. */
  async function warmUp(): Promise<void> {
    if (isDjango) return;
    try {
      // Without headers there is no preflight (CORS).
      await http(base + loginPath, { credentials: 'omit', cache: 'no-store', keepalive: true });
    } catch {
      // The login then waits for a cold start.
    }
  }

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

  return [base, post, logoutPath, http, refreshPath, timeoutMs, warmUp, login, isLoggedOut, profilePath, profile] as const;
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
export const unavailable = ({ status, cause }: { status: number; cause?: unknown }) => new AuthError('unavailable', status, cause);

/** Why the API refused a login or a change. Only the API's own 4xx says so. dj-rest-auth's 4xx has no `code`. */
export function refusal({ status, body, retryAfter, cause }: ApiResponse): AuthError {
  const code = body['code'] as AuthErrorCode;
  const isOurs = (code && body['detail']) || body['non_field_errors'];
  const reason = (code as string) === 'kakao_underage' ? 'underage' : OWN_CODES.includes(code) ? code : 'rejected';
  return new AuthError(isOurs && status < 429 ? reason : 'unavailable', status, cause ?? body, retryAfter || 0);
}
