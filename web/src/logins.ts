/** A login with a credential. Loaded before it is needed. */

import type { ApiResponse } from './api.js';
import { base64url, REPEAT_MS } from './browser.js';
import { draw, find, type Settle, without } from './links.js';
import { readSession, type Session } from './session.js';
import type { Entry, Store } from './store.js';
import { AuthError, type AuthErrorCode, type Credential, type Device, type User } from './types.js';

/** `post` sends the login. `isCurrent` is false when a later login or a logout has abandoned it. */
export async function logIn(
  credential: Credential,
  device: Device | undefined,
  isCurrent: () => boolean,
  post: (content: object) => Promise<ApiResponse>,
  { change, send }: Store,
  settle: Settle,
  profile: (access: string) => Promise<User>,
): Promise<Session> {
  const start = Date.now();
  const text = JSON.stringify(credential);
  // A keychain may hold the end of a credential, and an app has no `crypto.subtle`.
  const entry = await begin(change, send ? async () => text.slice(-22) : () => digest(text));
  const content = { ...credential, link: entry.next, transport: 'cookie', device };
  const response = await repeat(
    () => post(content),
    // An entry that was sent twice is not younger than the login: a session may have begun whose response was lost.
    () => isCurrent() && !(entry.since = 0),
  );
  if (!response.ok) {
    const error = refusal(response);
    // Also not after a reload.
    if (entry.since! >= start && error.code !== 'unavailable') void settle(entry);
    throw error;
  }
  const session = await readSession(response, null, null, profile);
  if (entry.next) await settle(entry, session.sid, response.body['link']);
  if (!isCurrent()) throw new AuthError('rejected');
  return session;
}

/**
 * Sends a credential up to three times, if `mayRepeat`, after a lost response, a 429 or a 5xx. This is safe, because the API repeats
 * its response to a credential.
 */
async function repeat(send: () => Promise<ApiResponse>, mayRepeat: () => boolean): Promise<ApiResponse> {
  const end = Date.now() + REPEAT_MS;
  for (let tries = 1; ; tries++) {
    const response = await send();
    const { status, body, retryAfter, ok } = response;
    const wait = 1_000 * (retryAfter || tries * (0.25 + Math.random() / 2));
    // After `too_many_logins` the user has to log in again later: the API has redeemed this code.
    const isTemporary = !ok && (!status || (status >= 429 && body['code'] !== 'too_many_logins'));
    if (!isTemporary || tries > 2 || Date.now() + wait > end || (await sleep(wait), !mayRepeat())) return response;
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The entry of a login, which all its repetitions share, also after a reload. Empty if it cannot be stored. */
const begin = (change: Store['change'], keyOf: () => Promise<string>): Promise<Entry> =>
  keyOf()
    .then((key) => change((entries) => [draw(find(entries, key) ?? { key }), ...without(entries, key)]))
    .then(
      ([entry]) => entry!,
      () => ({}),
    );

/** The API's codes that are also codes of an `AuthError`. */
const OWN_CODES: AuthErrorCode[] = ['login_required', 'account_being_deleted', 'account_disabled'];

/** Why the API refused a login or a change. Only the API's own 4xx says so. dj-rest-auth's 4xx has no `code`. */
export function refusal({ status, body, retryAfter, cause }: ApiResponse): AuthError {
  const code = body['code'] as AuthErrorCode;
  const isOurs = (code && body['detail']) || body['non_field_errors'];
  const reason = (code as string) === 'kakao_underage' ? 'underage' : OWN_CODES.includes(code) ? code : 'rejected';
  return new AuthError(isOurs && status < 429 ? reason : 'unavailable', status, cause ?? body, retryAfter || 0);
}

/** base64url(SHA-256(text)): the S256 method of RFC 7636 §4.2. The API expects Kakao's nonce in the same form. */
export async function digest(text: string): Promise<string> {
  // Undefined outside of secure contexts, although its type does not say so.
  if (!(crypto.subtle as SubtleCrypto | undefined)) throw new Error('login() needs https or localhost');
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))));
}

/** Why Kakao sent no code (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6). Only the description tells an age restriction from a cancelled login. */
export function failed(error?: string, description = ''): never {
  throw new AuthError(reason(error, description));
}

function reason(error: string | undefined, description: string): AuthErrorCode {
  if (!error) return 'state';
  if (error === 'access_denied') return /\bage\b/i.test(description) ? 'underage' : 'denied';
  if (error.endsWith('_required')) return 'interaction';
  return /^(server|temporarily)_/.test(error) ? 'unavailable' : 'rejected';
}
