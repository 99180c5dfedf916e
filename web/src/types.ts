/** The user as the API describes it. `pk` is opaque: compare it, do not calculate with it. */
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
 * - `unavailable`: no response, or one that says nothing about the session, which continues.
 * - `denied`: the user cancelled at Kakao.
 * - `underage`: Kakao does not allow the app at this user's age. Another attempt does not help.
 * - `interaction`: Kakao has to show a page, which `prompt: 'none'` forbids.
 * - `state`: this browser did not start the login that the redirect belongs to.
 * - `rejected`: the API or Kakao refused the login.
 */
export type AuthErrorCode = 'expired' | 'unavailable' | 'denied' | 'underage' | 'interaction' | 'state' | 'rejected';

export class AuthError extends Error {
  override readonly name = 'AuthError';

  /** `status` is the HTTP status of the response, or 0 if there was none. */
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

/** The body of `POST /auth/kakao`. */
export type Credential =
  | { code: string; redirect_uri: string; code_verifier?: string; nonce?: string }
  | { id_token: string; nonce: string }
  | { access_token: string };

/** What happened, for a log or a test. It never carries a token. */
export interface AuthEvent {
  type: 'logged-in' | 'logged-out' | 'refreshed' | 'retried' | 'unavailable';
  /** Where it came from: the API, another tab, or this page itself. */
  via: 'network' | 'tab' | 'page';
}

export interface AuthClientOptions {
  /** Address of the API, for example `https://api.example.com`. No other origin is ever sent a token. */
  baseUrl: string;
  /** For `login()`: the app's REST API key, and exactly the redirect URI that is registered at Kakao. */
  kakao?: { clientId: string; redirectUri: string; scope?: string; authorizeUrl?: string };
  /** `own`: `/auth/…`. `dj-rest-auth`: that library's paths. Default: `own`. */
  paths?: 'own' | 'dj-rest-auth';
  /** `hint`: sends no refresh in a browser without a login. `always`: sends one on every page load. Default: `hint`. */
  silent?: 'hint' | 'always';
  /** Milliseconds to wait for a response. The API's rotation window has to be longer than four times this. Default: 7,000. */
  timeoutMs?: number;
  /** Prefix of the keys in the storages, and of the names of the locks and the channel between tabs. Default: `kakao-auth`. */
  storageKey?: string;
  /** Gets the path of the page where the login started, for a router that does not notice `history.replaceState`. */
  onReturn?: (path: string) => void;
  fetch?: typeof fetch;
}

export interface AuthClient {
  /** Handles the redirect from Kakao, or finds the current session. Call it as often as you like: it runs once. */
  start(): Promise<AuthState>;
  getState(): AuthState;
  /** The state that a server renders: `unknown`. */
  getServerState(): AuthState;
  /** Calls `listener` when the state changes; a renewed token does not change it. Returns a function that removes the listener. */
  subscribe(listener: () => void): () => void;
  on(listener: (event: AuthEvent) => void): () => void;
  /** When the access token expires: milliseconds since 1970 by this machine's clock. */
  expiresAt(): number | null;
  /**
   * Goes to Kakao's page. `returnTo` is a path of this site, by default the current one. After a logout here Kakao's own session
   * continues, and Kakao logs the same user in without asking: with `switchAccount` it asks for an account and its password.
   * `prompt` is Kakao's own parameter, and overrides `switchAccount`.
   */
  login(options?: { returnTo?: string; switchAccount?: boolean; prompt?: string }): Promise<void>;
  /** Logs in with a credential that was obtained in another way, for example in an app's web view. */
  exchange(credential: Credential): Promise<User>;
  /** Logs out at once, in every tab. Resolves to whether the API has confirmed it; if not, it is sent again later. */
  logout(options?: { everywhere?: boolean }): Promise<boolean>;
  /** A usable access token, or null if nobody is logged in. Rejects with `unavailable` if the API cannot be reached. */
  getToken(): Promise<string | null>;
  /** Renews the access token now. */
  refresh(): Promise<string | null>;
  /**
   * `fetch` with the access token, for the API's origin only. After a 401: one renewal, one retry. It rejects with `expired`
   * if another user has logged in before the call is sent, and with `unavailable` as `getToken()` does.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Releases timers, listeners and the channel, for hot reload and tests. */
  dispose(): void;
}
