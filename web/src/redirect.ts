/** The way back from Kakao: takes its response out of the address, and out of the hands of other scripts and routers. */

import { parseJson, REPEAT_MS } from './browser.js';
import type { Store } from './store.js';
import type { Credential, KakaoOptions } from './types.js';

/** What this browser has to remember until Kakao redirects back. */
export interface Transaction {
  state: string;
  /** Only a login has one, and the verifier. A logout at Kakao has neither. */
  nonce?: string;
  verifier?: string;
  returnTo: string;
  startedAt: number;
  /** If Kakao has to show a page, the login goes there again without `prompt=none`, once. */
  fallback?: boolean;
  /** It began without a click, so an error is not shown. */
  auto?: boolean;
}

/** The page where the login started, and either the credential for the API or why there is none. */
export interface Redirect {
  /** Undefined after a reload by an older version, which has returned there already. */
  returnTo?: string;
  credential?: Credential;
  /** Kakao's error and its description. Empty if this browser did not start the login. */
  failure?: [error?: string | undefined, description?: string | undefined];
  /** Whether the login has to go to Kakao again, which has to show a page. */
  isUnfinished?: boolean | undefined;
}

/**
 * Takes Kakao's response out of the address: synchronously, because a code works only once and effects run twice. The address is then
 * the one where the login started. With `isRouted` it keeps its path, and the app's router goes there later.
 */
export function takeRedirect(kakao: KakaoOptions, store: Store, isRouted: unknown): Redirect | undefined {
  const url = new URL(location.href);
  const { code, error, error_description: why, state } = Object.fromEntries(url.searchParams);
  const all = remembered(store);
  const transaction = all.find((one) => one.state === state);
  const isLogout = transaction && !transaction.verifier;
  const redirectUri = absolute(kakao.redirectUri);
  // A known state is enough: the host may have redirected to another spelling of the path, such as /callback/.
  const isHere = transaction || bare(url.pathname) === bare(new URL(redirectUri).pathname);
  const kept = keptCode(store);
  // A router that has read the address before, as Next.js's, puts the response back: after a reload it is here again.
  if (!state || !(code || error || isLogout) || !isHere || (kept && !transaction)) return kept;

  remember(store, all.filter((one) => one !== transaction));
  // Checked again: an older version may have stored it.
  const returnTo = ownPath(transaction?.returnTo ?? url.pathname);
  history.replaceState(history.state, '', isRouted ? url.pathname : returnTo);
  if (isLogout || (transaction?.auto && !code)) return { returnTo };
  if (!transaction) return { returnTo, failure: [] };
  if (!code) return { returnTo, failure: [error, why], isUnfinished: transaction.fallback && error!.endsWith('_required') };
  const credential = { code, redirect_uri: redirectUri, code_verifier: transaction.verifier!, nonce: transaction.nonce! };
  store.set('.code', JSON.stringify({ credential, returnTo, at: Date.now() }));
  return { returnTo, credential };
}

/** The address as Kakao knows it. A path belongs to this site, so that one build serves several. */
export function absolute(uri: string): string {
  return uri[0] === '/' ? location.origin + uri : uri;
}

/** The path without the parts that hosts add or remove: a final slash, `index`, `.html`. */
function bare(path: string): string {
  return path.replace(/(\/index)?(\.html)?\/*$/, '');
}

/** The code whose exchange was interrupted by a reload, as long as the API repeats its response. */
function keptCode(store: Store): Redirect | undefined {
  const kept = parseJson(store.get('.code')!) as (Redirect & { at: number }) | null | undefined;
  if (Date.now() - kept?.at! < REPEAT_MS) return kept!;
  store.set('.code', null);
  return undefined;
}

export function remembered(store: Store): Transaction[] {
  const all = [parseJson(store.get('.login')!)].flat() as (Transaction | null | undefined)[];
  return all.filter((one): one is Transaction => Date.now() - one?.startedAt! < 600_000);
}

export function remember(store: Store, all: Transaction[]) {
  store.set('.login', all.length ? JSON.stringify(all) : null);
}

/** A path of this site: `path` if it is one, else `/`. A `blob:` URL has the origin of the page that made it, but no such path. */
export function ownPath(path: string): string {
  try {
    const { origin, pathname, search, hash } = new URL(path, location.href);
    // A router may resolve the path again, and a path that begins with two slashes would then name another host.
    if (origin === location.origin && pathname[0] === '/') return pathname.replace(/^\/+/, '/') + search + hash;
  } catch {
    // Not a URL.
  }
  return '/';
}
