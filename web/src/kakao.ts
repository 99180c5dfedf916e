/** The redirect to Kakao's login page and back: state, nonce and PKCE (RFC 6749 §10.12, OIDC Core §3.1.2.1, RFC 7636). */

import { digest, type Flag, type Flags, parseJson, random, REPEAT_MS } from './browser.js';
import { AuthError, type AuthClientOptions, type AuthErrorCode, type Credential } from './types.js';

/** What this browser has to remember until Kakao redirects back. */
interface Transaction {
  state: string;
  nonce: string;
  verifier: string;
  returnTo: string;
  startedAt: number;
}

/** Flag: the logins that have left for Kakao, one in each of several tabs. */
const LEFT = '.login';

type KakaoOptions = NonNullable<AuthClientOptions['kakao']>;

/** Stores a transaction and returns Kakao's address. It is stored in `localStorage`, because KakaoTalk may come back in a new tab. */
export async function authorizeUrl(kakao: KakaoOptions, flag: Flags, returnTo: string, prompt?: string | false): Promise<string> {
  const [state, nonce, verifier] = [random(), random(), random()];
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: kakao.clientId,
    redirect_uri: kakao.redirectUri,
    scope: kakao.scope ?? 'openid',
    state,
    // Kakao gets hashes. Only the browser that began this login can send the originals, so the API may repeat a lost response to it.
    nonce: await digest(nonce),
    code_challenge: await digest(verifier),
    code_challenge_method: 'S256',
    ...(prompt && { prompt }),
  });
  remember(flag, [...remembered(flag), { state, nonce, verifier, returnTo: ownPath(returnTo), startedAt: Date.now() }]);
  return `${kakao.authorizeUrl ?? 'https://kauth.kakao.com/oauth/authorize'}?${query}`;
}

/** The page where the login started, and either the credential for the API or the error. */
export interface Redirect {
  /** Undefined after a reload, which has returned there already. */
  returnTo?: string;
  credential?: Credential;
  error?: AuthError | null;
}

/** Takes Kakao's response out of the address: synchronously, because a code works only once and effects run twice. */
export function takeRedirect(kakao: KakaoOptions, flag: Flags, kept: Flag): Redirect | null {
  const url = new URL(location.href);
  const { code, error, error_description: why, state } = Object.fromEntries(url.searchParams);
  const all = remembered(flag);
  const transaction = all.find((one) => one.state === state);
  // A known state is enough: the host may have redirected to another spelling of the path, such as /callback/.
  const isHere = transaction || bare(url.pathname) === bare(new URL(kakao.redirectUri, url).pathname);
  if (!state || !(code || error) || !isHere) return keptCode(kept);

  remember(flag, all.filter((one) => one !== transaction));
  // Checked again: an older version may have stored it.
  const returnTo = ownPath(transaction?.returnTo ?? url.pathname);
  history.replaceState(history.state, '', returnTo);
  if (!transaction || !code) return { returnTo, error: new AuthError(transaction ? reason(error, why) : 'state') };
  const credential = { code, redirect_uri: kakao.redirectUri, code_verifier: transaction.verifier, nonce: transaction.nonce };
  kept.set(JSON.stringify({ credential, at: Date.now() }));
  return { returnTo, credential };
}

/** Why Kakao sent no code (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6). Only the description tells an age restriction from a cancelled login. */
function reason(error = '', why = ''): AuthErrorCode {
  if (error === 'access_denied') return /\bage\b/i.test(why) ? 'underage' : 'denied';
  if (error.endsWith('_required')) return 'interaction';
  return /^(server|temporarily)_/.test(error) ? 'unavailable' : 'rejected';
}

/** The path without the parts that hosts add or remove: a final slash, `index`, `.html`. */
function bare(path: string): string {
  return path.replace(/(\/index)?(\.html)?\/*$/, '');
}

/** The code whose exchange was interrupted by a reload, as long as the API repeats its response. */
function keptCode(flag: Flag): Redirect | null {
  const kept = parseJson(flag.get()!) as { credential: Credential; at: number } | null | undefined;
  if (Date.now() - kept?.at! < REPEAT_MS) return kept!;
  flag.set(null);
  return null;
}

function remembered(flag: Flags): Transaction[] {
  const all = [parseJson(flag(LEFT).get()!)].flat() as (Transaction | null | undefined)[];
  return all.filter((one): one is Transaction => Date.now() - one?.startedAt! < 600_000);
}

function remember(flag: Flags, all: Transaction[]) {
  flag(LEFT).set(all.length ? JSON.stringify(all) : null);
}

/** A path of this site: `path` if it is one, else `/`. A `blob:` URL has the origin of the page that made it, but no such path. */
function ownPath(path: string): string {
  try {
    const { origin, pathname, search, hash } = new URL(path, location.href);
    // A router may resolve the path again, and a path that begins with two slashes would then name another host.
    if (origin === location.origin && pathname[0] === '/') return pathname.replace(/^\/+/, '/') + search + hash;
  } catch {
    // Not a URL.
  }
  return '/';
}
