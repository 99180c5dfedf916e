//! The API's four routes: what they are sent, and which responses are the API's own.

import { REPEAT_MS, sleep, timeout } from './browser.js';
import { AuthError, type AuthClientOptions, type Credential, type User } from './types.js';

const PATHS = {
  own: { login: '/auth/kakao', refresh: '/auth/refresh', logout: '/auth/logout', profile: '/auth/profile' },
  'dj-rest-auth': {
    login: '/dj-rest-auth/kakao/',
    refresh: '/dj-rest-auth/token/refresh/',
    logout: '/dj-rest-auth/logout/',
    profile: '/dj-rest-auth/user/',
  },
};

/** A response to login, refresh or logout. A proxy, a firewall or a captive portal may have written it instead of the API. */
export interface ApiResponse {
  ok: boolean;
  /** 0 if there was no complete response. */
  status: number;
  /** Empty unless it is JSON. */
  body: Record<string, unknown>;
  /** Seconds, if it said so. */
  retryAfter?: number;
  cause?: unknown;
}

/** What a successful login or refresh returns. */
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

  /** Survives the page (`keepalive`), so the response to a refresh is rarely lost. */
  async function post(path: string, content: object): Promise<ApiResponse> {
    try {
      const response = await http(base + path, {
        method: 'POST',
        credentials: 'include',
        cache: 'no-store',
        keepalive: true,
        signal: timeout(timeoutMs),
        // JSON makes another origin ask before it may send this (CORS), and the API refuses everything else.
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(content),
      });
      const text = await response.text();
      const retryAfter = Number(response.headers.get('retry-after'));
      return { ok: response.ok, status: response.status, body: parsed(text), retryAfter };
    } catch (cause) {
      return { ok: false, status: 0, body: {}, cause };
    }
  }

  /**
   * Sends a credential up to three times, while `isWanted`, if the response is lost, a 429 or a 5xx. That is safe, because the
   * API repeats its response to a credential.
   */
  async function login(credential: Credential, isWanted: () => boolean): Promise<ApiResponse> {
    const end = Date.now() + REPEAT_MS;
    for (let tries = 1; ; tries++) {
      const response = await post(paths.login, credential);
      const { ok, status, body, retryAfter } = response;
      if (ok) return response;
      const wait = 1_000 * (retryAfter || tries * (0.25 + Math.random() / 2));
      // Of a user who logs in too often the API wants another login later, not this one again: its code is spent.
      const isPassing = !status || (status === 429 && body['code'] !== 'too_many_logins') || status >= 500;
      if (isPassing && tries < 3 && Date.now() + wait < end) await sleep(wait);
      else throw loginError(response);
      if (!isWanted()) throw loginError(response);
    }
  }

  /** Starts the login function while the person is at Kakao: nobody then waits for a cold start. dj-rest-auth has no such route. */
  async function warmUp(): Promise<void> {
    if (options.paths === 'dj-rest-auth') return;
    try {
      // Without headers, so that another origin need not ask first (CORS).
      await http(base + paths.login, { credentials: 'omit', cache: 'no-store', keepalive: true });
    } catch {
      // The login then meets a cold function.
    }
  }

  /** Whether the session has ended on the server. dj-rest-auth responds 401 to a logout without a session, without a `code`. */
  function isLoggedOut({ ok, status, body }: ApiResponse): boolean {
    return typeof body['detail'] === 'string' && (ok || (status === 401 && options.paths === 'dj-rest-auth'));
  }

  async function profile(access: string): Promise<User> {
    const response = await http(base + paths.profile, {
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

function parsed(text: string): ApiResponse['body'] {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** Whether a response to refresh ends the session. A 401 without the API's `code` is a proxy's. */
export function isSessionOver({ status, body }: ApiResponse): boolean {
  return status === 401 && body['code'] === 'token_not_valid';
}

/** Why a login failed. Only a 4xx in the API's own words is about the credential; dj-rest-auth's words have no `code`. */
function loginError({ status, body, cause }: ApiResponse): AuthError {
  const isOurs = (body['code'] && body['detail']) || body['non_field_errors'];
  const refusal = body['code'] === 'kakao_underage' ? 'underage' : 'rejected';
  return new AuthError(isOurs && status < 500 && status !== 429 ? refusal : 'unavailable', status, cause);
}

/** Throws if the response is not the API's, for example a proxy's page with status 200. */
export function grant(body: ApiResponse['body']): Grant {
  const { access, user } = body as { access: string; user?: User };
  // Unchecked: the API checks it, the page only needs to know how long to keep it and whose it is.
  const claims = JSON.parse(atob((access.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')));
  const life = (claims.exp - claims.iat) * 1_000;
  if (!(life > 0)) throw new Error('no life');
  return { access, life, subject: String(claims.sub ?? claims.user_id), user };
}
