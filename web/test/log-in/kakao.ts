/** Shared by the tests of the login: the redirect to Kakao and back. */

import { beforeEach } from 'vitest';
import { authorizeUrl } from '../../src/leave.js';
import { pageStore } from '../../src/page-store.js';
import { answer } from '../scripted.js';

export const LOGIN = '/auth/kakao';
export const kakao = { clientId: 'rest-key', redirectUri: 'http://localhost:5173/callback' };
export const code = { code: 'ryan', redirect_uri: kakao.redirectUri };
export const at = (address: string) => history.replaceState(null, '', address);

beforeEach(() => at('/'));

/** Leaves for Kakao from `returnTo`, and comes back with these parameters. */
export async function sentBack(parameters: Record<string, string>, returnTo = '/cart?step=2#pay'): Promise<URL> {
  const url = new URL(await authorizeUrl(kakao, pageStore('kakao-auth'), returnTo));
  at(`/callback?${new URLSearchParams({ state: url.searchParams.get('state')!, ...parameters })}`);
  return url;
}

/** The logins in this browser's storage that have left for Kakao. */
export const begun = () => JSON.parse(localStorage.getItem('kakao-auth.login')!) as { state: string; startedAt: number }[];

export const busy = (retryAfter?: string) => () => answer(503, { code: 'unavailable', detail: 'Try again.' }, retryAfter ? { 'retry-after': retryAfter } : {});

export const tooMany = (retryAfter: string) =>
  answer(429, { code: 'too_many_logins', detail: 'Too many logins of this user. Try again later.' }, { 'retry-after': retryAfter });
