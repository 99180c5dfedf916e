//! The way to Kakao's login page and back: state, nonce and PKCE (RFC 6749 §10.12, OIDC Core §3.1.2.1, RFC 7636).

import { digest, type flags, random } from './browser.js';
import { AuthError, type AuthClientOptions, type Credential } from './types.js';

/** What this browser has to remember until Kakao sends it back. */
interface Transaction {
  nonce: string;
  verifier: string;
  returnTo: string;
  startedAt: number;
}

const TEN_MINUTES = 600_000;
const PREFIX = '.login.';

type Flags = ReturnType<typeof flags>;
type KakaoOptions = NonNullable<AuthClientOptions['kakao']>;

/** Remembers a transaction, and says where to go. It is kept in `localStorage`, as KakaoTalk may come back in a new tab. */
export async function authorizeUrl(kakao: KakaoOptions, flags: Flags, returnTo: string, prompt?: string): Promise<string> {
  const [state, nonce, verifier] = [random(), random(), random()];
  for (const name of flags.names()) {
    if (name.startsWith(PREFIX) && !recent(read(flags.get(name)))) flags.set(name, null);
  }
  const transaction: Transaction = { nonce, verifier, returnTo: ownPath(returnTo), startedAt: Date.now() };
  flags.set(PREFIX + state, JSON.stringify(transaction));
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: kakao.clientId,
    redirect_uri: kakao.redirectUri,
    scope: kakao.scope ?? 'openid',
    state,
    // Kakao gets hashes. Who sends what was hashed has begun this sign-in, so the API may repeat a lost answer.
    nonce: await digest(nonce),
    code_challenge: await digest(verifier),
    code_challenge_method: 'S256',
  });
  if (prompt) query.set('prompt', prompt);
  return `${kakao.authorizeUrl ?? 'https://kauth.kakao.com/oauth/authorize'}?${query}`;
}

export type Redirect = { returnTo: string } & ({ credential: Credential } | { error: AuthError });

/** Takes the answer of Kakao out of the address: synchronously, since a code is good once and effects run twice. */
export function takeRedirect(kakao: KakaoOptions, flags: Flags): Redirect | null {
  const url = new URL(location.href);
  const [code, error, state] = ['code', 'error', 'state'].map((name) => url.searchParams.get(name));
  if (url.pathname !== new URL(kakao.redirectUri, url).pathname || !state || !(code || error)) return null;

  const transaction = read(flags.get(PREFIX + state));
  flags.set(PREFIX + state, null);
  const returnTo = recent(transaction) ? transaction.returnTo : url.pathname;
  history.replaceState(history.state, '', returnTo);
  if (!recent(transaction)) return { returnTo, error: new AuthError('state') };
  if (!code) return { returnTo, error: new AuthError(error === 'access_denied' ? 'denied' : 'rejected') };
  const { nonce, verifier } = transaction;
  return { returnTo, credential: { code, redirect_uri: kakao.redirectUri, code_verifier: verifier, nonce } };
}

function read(text: string | null | undefined): Transaction | null {
  try {
    return text ? (JSON.parse(text) as Transaction) : null;
  } catch {
    return null;
  }
}

function recent(transaction: Transaction | null): transaction is Transaction {
  return transaction !== null && Math.abs(Date.now() - transaction.startedAt) < TEN_MINUTES;
}

function ownPath(path: string): string {
  const url = new URL(path, location.href);
  // A path that begins with two slashes would be another host to whoever resolves it next.
  return url.origin === location.origin ? url.pathname.replace(/^\/+/, '/') + url.search + url.hash : '/';
}
