/** Shared by the tests of the login: the redirect to Kakao and back. */

import { afterEach, beforeEach, vi } from 'vitest';
import { authorizeUrl } from '../../src/leave.js';
import { pageStore } from '../../src/page-store.js';
import { answer } from '../scripted.js';

export const LOGIN = '/auth/kakao';
export const kakao = { clientId: 'rest-key', redirectUri: 'http://localhost:5173/callback' };
export const code = { code: 'ryan', redirect_uri: kakao.redirectUri };
export const at = (address: string) => history.replaceState(null, '', address);

beforeEach(() => at('/'));
afterEach(() => void vi.restoreAllMocks());

/** Leaves for Kakao from `returnTo`, and comes back with these parameters. */
export async function sentBack(parameters: Record<string, string>, returnTo = '/cart?step=2#pay'): Promise<URL> {
  const url = new URL(await authorizeUrl(kakao, pageStore('kakao-auth'), returnTo));
  at(`/callback?${new URLSearchParams({ state: url.searchParams.get('state')!, ...parameters })}`);
  return url;
}

/** Kakao's pages as fragments of this one, because jsdom does not navigate. */
export const nearby = { ...kakao, authorizeUrl: '#/oauth/authorize' };

/** The parameters that this one of Kakao's pages has got. */
export function asked(page: 'authorize' | 'logout' = 'authorize'): URLSearchParams {
  const [, query] = location.hash.split(`#/oauth/${page}?`);
  return new URLSearchParams(query);
}

export const isAtKakao = () => location.hash.startsWith('#/oauth/');

/** Kakao redirects back from there with these parameters. */
export const answered = (parameters: Record<string, string>) => at(`/callback?${new URLSearchParams({ state: asked().get('state')!, ...parameters })}`);

export const CHROME = 'Mozilla/5.0 (Linux; Android 14; SM-S908N) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36';
export const KAKAOTALK =
  'Mozilla/5.0 (Linux; Android 14; SM-S908N; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.134 Mobile Safari/537.36 KAKAOTALK/10.8.1';
export const browserIs = (userAgent: string) => vi.spyOn(navigator, 'userAgent', 'get').mockReturnValue(userAgent);

/** The logins in this browser's storage that have left for Kakao. */
export const begun = () => JSON.parse(localStorage.getItem('kakao-auth.login')!) as { state: string; startedAt: number }[];

export const busy = (retryAfter?: string) => () => answer(503, { code: 'unavailable', detail: 'Try again.' }, retryAfter ? { 'retry-after': retryAfter } : {});

export const tooMany = (retryAfter: string) =>
  answer(429, { code: 'too_many_logins', detail: 'Too many logins of this user. Try again later.' }, { 'retry-after': retryAfter });
