/** The way to Kakao's page: state, nonce and PKCE (RFC 6749 §10.12, OIDC Core §3.1.2.1, RFC 7636). Loaded before it is needed. */

import { random } from './browser.js';
import { digest } from './logins.js';
import { absolute, ownPath, remember, remembered } from './redirect.js';
import type { Store } from './store.js';
import type { AuthClient, KakaoOptions } from './types.js';

type LoginOptions = NonNullable<Parameters<AuthClient['login']>[0]> & { returnTo: string };

export function createLeave(kakao: KakaoOptions | undefined, store: Store, http: typeof fetch, loginUrl: string) {
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

  return {
    // Not `select_account`: with it, an account that is saved in the browser needs no password.
    async login({ returnTo, switchAccount, prompt = switchAccount ? 'login' : '' }: LoginOptions): Promise<void> {
      if (!kakao) throw new Error('login() needs `kakao`');
      location.assign(await authorizeUrl(kakao, store, returnTo, prompt));
      void warmUp();
    },
    /** Ends the session at Kakao too. `done` resolves when this browser's logout has been sent. */
    async logout(done: Promise<boolean>, returnTo = location.href): Promise<boolean> {
      void returnTo;
      return done;
    },
  };
}

/** Stores a transaction and returns Kakao's address. It is stored in `localStorage`, because KakaoTalk may come back in a new tab. */
export async function authorizeUrl(kakao: KakaoOptions, store: Store, returnTo: string, prompt?: string): Promise<string> {
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
  remember(store, [...remembered(store), { state, nonce, verifier, returnTo: ownPath(returnTo), startedAt: Date.now() }]);
  return `${kakao.authorizeUrl ?? 'https://kauth.kakao.com/oauth/authorize'}?${query}`;
}
