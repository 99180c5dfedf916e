/** The API's routes: requests to them, and which responses are the API's own. */

import { parseJson, REPEAT_MS, sleep, timeout } from './browser.js';
import { AuthError, type AuthClientOptions, type AuthErrorCode, type Credential, type User } from './types.js';

const PATHS = {
  own: ['/auth/kakao', '/auth/refresh', '/auth/logout', '/auth/profile'],
  'dj-rest-auth': ['/dj-rest-auth/kakao/', '/dj-rest-auth/token/refresh/', '/dj-rest-auth/logout/', '/dj-rest-auth/user/'],
} as const;

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
}

/** JSON makes the browser send a preflight from other origins (CORS), and the API refuses any other content type. */
export const JSON_HEADERS = { 'content-type': 'application/json' };

/** The API's codes that are also codes of an `AuthError`. */
const OWN_CODES: AuthErrorCode[] = ['login_required', 'account_being_deleted'];

/** What a successful login or refresh returns. */
export interface Grant {
  access: string;
  /** Lifetime of the token in milliseconds. The page takes no absolute time from the API, so a wrong clock does no harm. */
  life: number;
  /** The user's `pk`. */
  subject: string;
  user: User | undefined;
}

export function api(options: AuthClientOptions) {
  const { timeoutMs = 7_000, fetch: http = (...request) => fetch(...request) } = options;
  const base = new URL(options.baseUrl || '/', globalThis.location?.href ?? 'http://localhost').href.replace(/\/$/, '');
  const paths = PATHS[options.paths ?? 'own'];
  const [loginPath, , , profilePath] = paths;

  /** `keepalive` lets the request outlive the page, so the response to a refresh is rarely lost. */
  async function post(path: string, content: object): Promise<ApiResponse> {
    return read(() =>
      http(base + path, {
        method: 'POST',
        credentials: 'include',
        cache: 'no-store',
        keepalive: true,
        signal: timeout(timeoutMs),
        headers: JSON_HEADERS,
        body: JSON.stringify(content),
      }),
    );
  }

  /**
   * Sends a credential up to three times, while `isWanted`, after a lost response, a 429 or a 5xx. This is safe, because the
   * API repeats its response to a credential.
   */
  async function login(credential: Credential, isWanted: () => boolean): Promise<ApiResponse> {
    const end = Date.now() + REPEAT_MS;
    for (let tries = 1; ; tries++) {
      const response = await post(loginPath, credential);
      const { ok, status, body, retryAfter } = response;
      if (ok) return response;
      const wait = 1_000 * (retryAfter || tries * (0.25 + Math.random() / 2));
      // After `too_many_logins` the user has to log in again later: the API has redeemed this code.
      const isTemporary = !status || (status === 429 && body['code'] !== 'too_many_logins') || status >= 500;
      if (isTemporary && tries < 3 && Date.now() + wait < end) await sleep(wait);
      else throw refusal(response);
      if (!isWanted()) throw refusal(response);
    }
  }

  /** Starts the login function while the user is at Kakao, so that the login waits for no cold start. dj-rest-auth has no such route. */
  async function warmUp(): Promise<void> {
    if (options.paths === 'dj-rest-auth') return;
    try {
      // Without headers there is no preflight (CORS).
      await http(base + loginPath, { credentials: 'omit', cache: 'no-store', keepalive: true });
    } catch {
      // The login then waits for a cold start.
    }
  }

  /** Whether the session has ended on the server. dj-rest-auth responds to a logout without a session with a 401 without a `code`. */
  function isLoggedOut({ ok, status, body }: ApiResponse): boolean {
    return typeof body['detail'] === 'string' && (ok || (status === 401 && options.paths === 'dj-rest-auth' && !body['code']));
  }

  async function profile(access: string): Promise<User> {
    const response = await http(base + profilePath, {
      cache: 'no-store',
      signal: timeout(timeoutMs),
      headers: { authorization: `Bearer ${access}` },
    });
    const user = (await response.json()) as User;
    if (!response.ok || user.pk === undefined) throw new Error('no profile');
    return user;
  }

  return { base, paths, timeoutMs, http, post, login, warmUp, isLoggedOut, profile };
}

/** Sends a request and reads the response, whatever becomes of it. */
export async function read(request: () => Promise<Response>): Promise<ApiResponse> {
  try {
    const response = await request();
    const body = (parseJson(await response.text()) as ApiResponse['body'] | null) ?? {};
    return { ok: response.ok, status: response.status, body, retryAfter: Number(response.headers.get('retry-after')) };
  } catch (cause) {
    return { status: 0, body: {}, cause };
  }
}

/** The error for a response that says nothing about the session. */
export const unavailable = ({ status, cause }: ApiResponse) => new AuthError('unavailable', status, cause);

/** Whether the response to a refresh ends the session. A 401 without the API's `code` comes from a proxy. */
export function isSessionOver({ status, body }: ApiResponse): boolean {
  return status === 401 && body['code'] === 'token_not_valid';
}

/** Why the API refused a login or a change. Only the API's own 4xx says so. dj-rest-auth's 4xx has no `code`. */
export function refusal({ status, body, retryAfter, cause }: ApiResponse): AuthError {
  const code = body['code'] as AuthErrorCode;
  const isOurs = (code && body['detail']) || body['non_field_errors'];
  const reason = (code as string) === 'kakao_underage' ? 'underage' : OWN_CODES.includes(code) ? code : 'rejected';
  return new AuthError(isOurs && status < 500 && status !== 429 ? reason : 'unavailable', status, cause ?? body, retryAfter || 0);
}

/** Reads the response to a login or refresh. Throws if it is not the API's, for example a proxy's page with status 200. */
export function grant(body: ApiResponse['body']): Grant {
  const { access, user } = body as { access: string; user?: User };
  const { exp, iat, sub, user_id: id } = claims(access);
  const life = (exp - iat) * 1_000;
  if (!(life > 0)) throw new Error('no life');
  return { access, life, subject: String(sub ?? id), user };
}

/** The claims of an access token. Its signature is not verified: that is the API's task. */
export function claims(access: string) {
  return JSON.parse(atob(access.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/')));
}
