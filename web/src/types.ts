import type { Store } from './store.js';

/** The user as the API describes it. `pk` is opaque: compare it, do not calculate with it. */
export interface User {
  pk: string | number;
  username?: string;
  email?: string;
  nickname?: string | null;
  profile_image?: string | null;
  /** What operators have given. Only the API decides by it: hide nothing here that must stay secret. */
  roles?: string[];
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
 * - `rejected`: the API or Kakao refused the login, or the API the change.
 * - `login_required`: the API wants a login of the last minutes first: `login({ prompt: 'login' })`. The session continues.
 * - `account_being_deleted`: this user's account is being deleted. A login after `retryAfter` makes a new one.
 * - `account_disabled`: an operator has disabled the account. Another attempt does not help.
 */
export type AuthErrorCode =
  | 'expired'
  | 'unavailable'
  | 'denied'
  | 'underage'
  | 'interaction'
  | 'state'
  | 'rejected'
  | 'login_required'
  | 'account_being_deleted'
  | 'account_disabled';

export class AuthError extends Error {
  override readonly name = 'AuthError';
  /** The API's own code, for example `kakao_rejected`. Empty if the API sent none. */
  readonly apiCode: string;

  /**
   * `status` is the HTTP status of the response, or 0 if there was none. `retryAfter` is in seconds, or 0 if the API did not say when
   * to try again. `detail` is the API's sentence about it.
   */
  constructor(
    readonly code: AuthErrorCode,
    readonly status = 0,
    cause?: unknown,
    readonly retryAfter = 0,
    readonly detail = `${(cause as ApiError | undefined)?.detail ?? ''}`,
  ) {
    super(code + (detail && `: ${detail}`), { cause });
    // A `DOMException` has a code too.
    this.apiCode = detail && `${(cause as ApiError).code}`;
  }
}

/** The body of a response with an error. */
interface ApiError {
  code?: unknown;
  detail?: unknown;
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

/** A session of the user, on this device or another one. */
export interface AuthSession {
  id: string;
  /** The `User-Agent` header of the login; empty if there was none. */
  user_agent: string;
  /** The network of the login, for example `203.0.113.0/24`; empty if it is not known. */
  ip_prefix: string;
  /** What an app says about its device: the option `device`. Null if it says nothing. */
  device?: { name: string | null; platform: string | null } | null;
  created_at: string;
  last_used_at: string;
  expires_at: string;
  /** Whether it is the session of this browser. */
  current: boolean;
}

/** Everything that the API stores about the user, for the user to keep. */
export interface AccountExport {
  user: User;
  account: Record<string, unknown>;
  sessions: AuthSession[];
}

/** Confirms a deletion. */
export interface DeletionReceipt {
  /** The user's `pk`, as text. */
  id: string;
  deleted_at: string;
}

/** What happened, for a log or a test. It never carries a token. `sessions-changed`: other sessions of the user have been ended. */
export interface AuthEvent {
  type: 'logged-in' | 'logged-out' | 'refreshed' | 'retried' | 'unavailable' | 'sessions-changed';
  /** Where it came from: the API, another tab, or this page itself. */
  via: 'network' | 'tab' | 'page';
}

/** Kakao's login page. */
export interface KakaoOptions {
  /** The app's REST API key. */
  clientId: string;
  /** The redirect URI that is registered at Kakao, or the path of one on this site: `/callback`. */
  redirectUri: string;
  /** Default: `openid`. */
  scope?: string;
  authorizeUrl?: string;
  /** For `logout({ kakao: true })`: the logout redirect URI that is registered at Kakao, or its path. Default: `/`. */
  logoutRedirectUri?: string;
  /** In KakaoTalk: logs in without a click, if Kakao does not have to ask anything. Default: false. */
  autoLogin?: boolean;
}

/** What the list of sessions shows of an app's device. */
export interface Device {
  /** At most 64 characters. */
  name?: string;
  /** At most 32 characters. */
  platform?: string;
}

export interface CoreOptions {
  /** Address of the API, for example `https://api.example.com`. No other origin is ever sent a token. */
  baseUrl: string;
  /** `hint`: sends no refresh in a browser without a login. `always`: sends one on every page load. Default: `hint`. */
  silent?: 'hint' | 'always';
  /**
   * Milliseconds to wait for a response: less than 15,000, and the API's rotation window has to be longer than four times this.
   * Default: 7,000.
   */
  timeoutMs?: number;
  /** Prefix of the keys in the storages, and name of the database, the locks and the channel between tabs. Default: `kakao-auth`. */
  storageKey?: string;
  /** For an app outside of a browser: `appStorage()` of `kakao-login-web/native`. The refresh token is then kept there. */
  storage?: Store;
  /** The name of the device in the list of sessions. A browser is named by its `User-Agent`. */
  device?: Device;
  /** Explains failures on the console. Default: only on `localhost` and other addresses of a development machine. */
  debug?: boolean;
  fetch?: typeof fetch;
}

export interface AuthClientOptions extends CoreOptions {
  /** For `login()`. */
  kakao?: KakaoOptions;
  /** `own`: `/auth/…`. `dj-rest-auth`: that library's paths. Default: `own`. */
  paths?: 'own' | 'dj-rest-auth';
  /**
   * For a router that renders on a server or does not notice `history.replaceState`: gets the path of the page where the login started,
   * after the login has succeeded or failed, and has to go there. Without it, the client has changed the address before. `true`: a
   * listener that is added later does it, see `onReturn()` of the client.
   */
  onReturn?: true | ((path: string) => void);
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
   * Goes to Kakao's page; in KakaoTalk only if Kakao has to ask something. `returnTo` is a path of this site, by default the current
   * one. After a logout here Kakao's own session continues, and Kakao logs the same user in without asking: with `switchAccount` it
   * asks for an account and its password. `prompt` is Kakao's own parameter, and overrides `switchAccount`.
   */
  login(options?: { returnTo?: string; switchAccount?: boolean; prompt?: string }): Promise<void>;
  /** Logs in with a credential that was obtained in another way, for example in an app's web view. */
  exchange(credential: Credential): Promise<User>;
  /**
   * Logs out at once, in every tab; with `scope: 'all'` on every device. Resolves to whether the API has confirmed it; if not, it is
   * sent again later. `scope: 'others'` ends the sessions on other devices only, and is not sent again. With `kakao` it also goes to
   * Kakao, which asks whether to end its own session in this browser too. `returnTo` is where that leads to, by default this page.
   */
  logout(options?: { scope?: 'local' | 'all' | 'others'; kakao?: boolean; returnTo?: string }): Promise<boolean>;
  /** Calls `listener` as the option `onReturn`, at once if the login has succeeded or failed by now. Returns a function that removes it. */
  onReturn(listener: (path: string) => void): () => void;
  /** The user's sessions, last used first. This call and the next four reject with an `AuthError`. */
  sessions(): Promise<AuthSession[]>;
  /** Ends one session. With the id of this browser's own it is `logout()`. Also resolves if the session has already ended. */
  endSession(id: string): Promise<void>;
  /** Everything that the API stores about the user. */
  account(): Promise<AccountExport>;
  /** Deletes the account, and logs out in every tab. Rejects with `login_required` if the login was not a moment ago. */
  deleteAccount(): Promise<DeletionReceipt>;
  /** Changes the names that are the user's own. Rejects with `rejected` if they are not allowed; `cause` is the response's body. */
  updateProfile(changes: { username?: string; first_name?: string; last_name?: string }): Promise<User>;
  /** A usable access token, or null if nobody is logged in. Rejects with `unavailable` if the API cannot be reached. */
  getToken(): Promise<string | null>;
  /** Renews the access token now. */
  refresh(): Promise<string | null>;
  /**
   * `fetch` with the access token, for the API's origin only. After a 401: one renewal, one retry. It rejects with `expired`
   * if another user has logged in before the call is sent, and with `unavailable` as `getToken()` does.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** For an app: call it when the app is in the foreground again. A page does it by itself. */
  wake(): void;
  /** Releases timers, listeners and the channel, for hot reload and tests. */
  dispose(): void;
}

/** The client without Kakao's page and the calls about the account. */
export type CoreClient = Omit<AuthClient, 'login' | 'logout' | 'onReturn' | 'sessions' | 'endSession' | 'account' | 'deleteAccount' | 'updateProfile'> & {
  logout(options?: { scope?: 'local' | 'all' | 'others' }): Promise<boolean>;
};
