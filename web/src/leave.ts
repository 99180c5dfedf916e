/** The way to Kakao's pages: state, nonce and PKCE (RFC 6749 §10.12, OIDC Core §3.1.2.1, RFC 7636). Loaded before it is needed. */

import { random } from './browser.js';
import { digest } from './logins.js';
import { absolute, ownPath, remember, remembered, type Transaction } from './redirect.js';
import type { Store } from './store.js';
import type { AuthClient, AuthState, KakaoOptions } from './types.js';

type LoginOptions = NonNullable<Parameters<AuthClient['login']>[0]> & { returnTo: string };

/** How long a logout at Kakao waits for the one here. Later that one is sent when the page is back. */
const LOGOUT_MS = 3_000;

export function createLeave(
  kakao: KakaoOptions | undefined,
  store: Store,
  http: typeof fetch,
  loginUrl: string,
  start: () => Promise<AuthState>,
) {
  // An app has no user agent.
  const isKakaoTalk = /KAKAOTALK/.test(`${globalThis.navigator?.userAgent}`);
  /** Whether a login may still begin without a click in this page. */
  let isAutomatic = isKakaoTalk && kakao?.autoLogin;
  /** Whether this is the first page of this browser with nobody logged in. Not if access to the storage is refused: undefined. */
  const isNew = store.get('.auto') === null;
  if (kakao?.autoLogin) store.set('.auto', 'off');

  /** Starts the login function while the user is at Kakao, so that the login waits for no cold start. dj-rest-auth has no such route. */
  async function warmUp(): Promise<void> {
    if (loginUrl.endsWith('/')) return;
    try {
      // Without headers there is no preflight (CORS).
      await http(loginUrl, { credentials: 'omit', cache: 'no-store', keepalive: true });
    } catch {
      // The login then waits for a cold start.
    }
  }

  async function leave(returnTo: string, prompt: string, kind?: Kind) {
    if (!kakao) throw new Error('login() needs `kakao`');
    isAutomatic = false;
    location.assign(await authorizeUrl(kakao, store, returnTo, prompt, kind));
    void warmUp();
  }

  return {
    login({ returnTo, switchAccount, prompt }: LoginOptions): Promise<void> {
      // KakaoTalk does not offer `login`. Elsewhere it is better: with `select_account`, a saved account needs no password.
      const usual = switchAccount ? (isKakaoTalk ? 'select_account' : 'login') : isKakaoTalk ? 'none' : '';
      return leave(returnTo, prompt ?? usual, { fallback: prompt === undefined && usual === 'none' });
    },
    /** Nobody is logged in. If that is so since the page was loaded, it may be left without a click. Later a form could be lost. */
    async ready(state: AuthState): Promise<void> {
      const { error } = state;
      const isAllowed = (await start()) === state && (error ? error.code === 'expired' : isNew);
      if (isAutomatic && isAllowed) await leave(location.href, 'none', { auto: true });
    },
    /** Ends the session at Kakao too. `done` resolves when the logout here has been sent. */
    async logout(done: Promise<boolean>, returnTo = location.href): Promise<boolean> {
      if (!kakao) throw new Error('logout({ kakao: true }) needs `kakao`');
      const isDone = await Promise.race([done, new Promise<false>((resolve) => setTimeout(resolve, LOGOUT_MS, false))]);
      const state = random();
      const query = new URLSearchParams({
        client_id: kakao.clientId,
        logout_redirect_uri: absolute(kakao.logoutRedirectUri ?? '/'),
        state,
      });
      begin(store, { state, returnTo });
      location.assign(`${authorizePage(kakao).replace(/authorize$/, 'logout')}?${query}`);
      return isDone;
    },
  };
}

/** `fallback` and `auto` of a login's transaction. */
type Kind = Pick<Transaction, 'fallback' | 'auto'>;

/** Stores a transaction and returns Kakao's address. It is stored in `localStorage`, because KakaoTalk may come back in a new tab. */
export async function authorizeUrl(kakao: KakaoOptions, store: Store, returnTo: string, prompt?: string, kind?: Kind): Promise<string> {
  const [state, nonce, verifier] = [random(), random(), random()];
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: kakao.clientId,
    redirect_uri: absolute(kakao.redirectUri),
    scope: kakao.scope ?? 'openid',
    state,
    // Kakao gets hashes. Only the browser that began this login can send the originals, so the API may repeat a lost response to it.
    nonce: await digest(nonce),
    code_challenge: await digest(verifier),
    code_challenge_method: 'S256',
    ...(prompt && { prompt }),
  });
  begin(store, { state, nonce, verifier, returnTo, ...kind });
  return `${authorizePage(kakao)}?${query}`;
}

function begin(store: Store, transaction: Omit<Transaction, 'startedAt'>) {
  remember(store, [...remembered(store), { ...transaction, returnTo: ownPath(transaction.returnTo), startedAt: Date.now() }]);
}

const authorizePage = (kakao: KakaoOptions) => kakao.authorizeUrl ?? 'https://kauth.kakao.com/oauth/authorize';
