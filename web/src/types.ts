/** What the API says of its user. `pk` is opaque: compare it, don't count with it. */
export interface User {
  pk: string | number;
  username?: string;
  email?: string;
  nickname?: string | null;
  profile_image?: string | null;
  created_at?: string;
  [name: string]: unknown;
}

/**
 * - `expired`: the session has ended; log in again.
 * - `unavailable`: no answer, or one that says nothing about the session. Whoever was logged in still is.
 * - `denied`: the person said no at Kakao.
 * - `underage`: Kakao does not let this person use the app at their age. Trying again does not help.
 * - `interaction`: Kakao has to show the person a page, which `prompt: 'none'` forbids.
 * - `state`: the redirect from Kakao is not one that this browser began.
 * - `rejected`: the API or Kakao refused the login.
 */
export type AuthErrorCode = 'expired' | 'unavailable' | 'denied' | 'underage' | 'interaction' | 'state' | 'rejected';

export class AuthError extends Error {
  override readonly name = 'AuthError';

  /** `status` is the HTTP status of the API's answer, or 0 if there was none. */
  constructor(
    readonly code: AuthErrorCode,
    readonly status = 0,
    cause?: unknown,
  ) {
    super(code, { cause });
  }
}

/** Check `status` first: TypeScript then knows whether there is a user. */
export type AuthState = { readonly error: AuthError | null } & (
  | { readonly status: 'unknown'; readonly user: null }
  | { readonly status: 'anonymous'; readonly user: null }
  | { readonly status: 'authenticated'; readonly user: User }
);

/** What `POST /auth/kakao` takes. */
export type Credential =
  | { code: string; redirect_uri: string; code_verifier?: string; nonce?: string }
  | { id_token: string; nonce: string }
  | { access_token: string };

/** What happened, for a log or a test. It never carries a token. */
export interface AuthEvent {
  type: 'signed-in' | 'signed-out' | 'refreshed' | 'retried' | 'unavailable';
  /** Who brought it: the API, another tab, or this page itself. */
  via: 'network' | 'tab' | 'page';
}

export interface AuthClientOptions {
  /** Where the API is, for example `https://api.example.com`. No other origin is ever sent a token. */
  baseUrl: string;
  /** For `login()`: the app's REST API key and a redirect URI that is registered at Kakao, to the letter. */
  kakao?: { clientId: string; redirectUri: string; scope?: string; authorizeUrl?: string };
  /** `own`: `/auth/…`. `dj-rest-auth`: that library's paths. Default `own`. */
  paths?: 'own' | 'dj-rest-auth';
  /** `hint`: who never logged in here costs no request. `always` asks on every page load. Default `hint`. */
  silent?: 'hint' | 'always';
  /** Milliseconds to wait for an answer. The API's rotation window has to exceed four times this. Default 7,000. */
  timeoutMs?: number;
  /** Names what is kept in `localStorage`, the lock and the channel between tabs. Default `kakao-auth`. */
  storageKey?: string;
  /** Where the page was before the login, for a router that does not see `history.replaceState`. */
  onReturn?: (path: string) => void;
  fetch?: typeof fetch;
}

export interface AuthClient {
  /** Finds out who is logged in, and handles the redirect from Kakao. Call it as often as you like: it runs once. */
  start(): Promise<AuthState>;
  getState(): AuthState;
  /** What a server renders: nobody is known there. */
  getServerState(): AuthState;
  /** Calls back when the state changes; a renewed token does not change it. Returns what ends that. */
  subscribe(listener: () => void): () => void;
  on(listener: (event: AuthEvent) => void): () => void;
  /** When the access token expires, in milliseconds by this machine's clock. */
  expiresAt(): number | null;
  /**
   * Leaves for Kakao's page. `returnTo` is a path of this site, by default the current one. Kakao keeps its own session after a
   * logout here, and logs the same person in silently: with `switchAccount` it asks for an account and its password again.
   * `prompt` is Kakao's own parameter, and wins over `switchAccount`.
   */
  login(options?: { returnTo?: string; switchAccount?: boolean; prompt?: string }): Promise<void>;
  /** Logs in with a credential that was got some other way, for example in an app's web view. */
  exchange(credential: Credential): Promise<User>;
  /** Logs out at once, in every tab. Resolves to whether the API has heard; if not, it will when it can be reached. */
  logout(options?: { everywhere?: boolean }): Promise<boolean>;
  /** A usable access token, or null for nobody. Rejects with `unavailable` if it cannot be known. */
  getToken(): Promise<string | null>;
  /** Renews the access token now. */
  refresh(): Promise<string | null>;
  /**
   * `fetch` with the access token, for the API's origin only. After a 401: one renewal, one retry. It rejects with `expired`
   * if somebody else turns out to be logged in before the call is sent, and with `unavailable` as `getToken()` does.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Lets go of timers, listeners and the channel, for hot reload and tests. */
  dispose(): void;
}
