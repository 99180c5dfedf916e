/** A scripted API: it keeps one cookie, knows which tokens are valid, and fails where a test says so. */

import { afterEach, vi } from 'vitest';
import { type AuthClientOptions, type AuthEvent, createAuthClient } from '../src/index.js';

export const API = 'https://api.example.com';

export interface Call {
  method: string;
  path: string;
  origin: string;
  bearer: string | null;
  signal: AbortSignal | undefined;
  credentials: RequestCredentials | undefined;
  keepalive: boolean;
  body: string;
}

type Answer = (call: Call) => Response | Promise<Response>;

export const answer = (status: number, body: unknown = {}, headers = {}) => Response.json(body, { status, headers });
/** What a proxy, a firewall or a captive portal responds in the API's place. */
export const page = (status: number) => new Response('<html>Please log in to the Wi-Fi</html>', { status, headers: { 'content-type': 'text/html' } });
/** The API's response to a refresh without a session. */
export const sessionOver = () => answer(401, { code: 'token_not_valid', detail: 'The session has ended. Log in again.' });
/** The API's refusal of a credential. */
export const refusal = (code: string, status = 400) => answer(status, { code, detail: 'No.', non_field_errors: ['No.'] });
export const networkError = () => Promise.reject<Response>(new TypeError('Failed to fetch'));

const base64url = (value: unknown) => btoa(JSON.stringify(value)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

/** A number in the API’s bodies, and its text in tokens. */
const pkOf = (subject: string) => (/^[1-9]\d*$/.test(subject) ? Number(subject) : subject);

export function scriptedApi() {
  let serial = 0;
  const calls: Call[] = [];
  const api = {
    calls,
    /** The user whose session the cookie is. */
    cookie: 'ryan' as string | null,
    /** In seconds: the lifetime of a token, and how far the API's clock is ahead of the page's. */
    life: 300,
    ahead: 0,
    /** Omits `user` from the responses to login and refresh. */
    terse: false,
    live: new Set<string>(),
    /** Responses that replace the usual ones, by path. */
    instead: new Map<string, Answer>(),
    count: (path: string) => calls.filter((call) => call.path === path).length,
    /** Makes the API refuse all tokens that it has issued. */
    expire: () => api.live.clear(),
    token(subject: string, sid = `${subject}-here`) {
      const iat = Math.floor(Date.now() / 1_000) + api.ahead;
      const access = `${base64url({ alg: 'ES256' })}.${base64url({ sub: subject, sid, iat, exp: iat + api.life, jti: ++serial })}.c2ln`;
      api.live.add(access);
      return access;
    },
    granted(subject: string, sid?: string, more = {}) {
      const user = { pk: pkOf(subject), nickname: subject };
      return answer(200, { access: api.token(subject, sid), refresh: '', ...(!api.terse && { user }), ...more });
    },
    async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
      const request = input instanceof Request ? input : undefined;
      const url = new Address(request?.url ?? String(input));
      const call: Call = {
        method: init?.method ?? request?.method ?? 'GET',
        path: url.pathname + url.search,
        origin: url.origin,
        bearer: new Headers(init?.headers ?? request?.headers).get('authorization')?.replace('Bearer ', '') ?? null,
        signal: init?.signal ?? request?.signal,
        credentials: init?.credentials ?? request?.credentials,
        keepalive: init?.keepalive ?? request?.keepalive ?? false,
        body: request ? await request.text() : String(init?.body ?? ''),
      };
      calls.push(call);
      const usual: Answer = () => usually(call);
      return (api.instead.get(call.path) ?? usual)(call);
    },
  };

  function usually({ method, path, bearer, body }: Call): Response {
    if (/refresh/.test(path)) return api.cookie ? api.granted(api.cookie) : sessionOver();
    if (/kakao/.test(path)) {
      const { code, access_token: token } = JSON.parse(body) as Record<string, string>;
      api.cookie = code ?? token ?? 'ryan';
      return api.granted(api.cookie);
    }
    if (/logout/.test(path)) {
      api.cookie = null;
      return answer(200, { detail: 'Successfully logged out.' });
    }
    if (!bearer || !api.live.has(bearer)) return answer(401);
    const { sub, sid } = JSON.parse(atob(bearer.split('.')[1]!)) as { sub: string; sid: string };
    if (method === 'DELETE' && path === '/auth/account') {
      api.cookie = null;
      return answer(202, { id: sub, deleted_at: '2026-11-26T00:00:00Z' });
    }
    if (method === 'DELETE') return new Response(null, { status: 204 });
    const sessions = [{ id: sid, current: true }, { id: `${sub}-there`, current: false }];
    if (path === '/auth/sessions') return answer(200, { sessions });
    if (path === '/auth/account') return answer(200, { user: { pk: pkOf(sub) }, account: { logins: 1 }, sessions });
    if (method === 'PATCH') return answer(200, { pk: pkOf(sub), nickname: sub, ...(JSON.parse(body) as object) });
    return answer(200, { pk: pkOf(sub), nickname: sub, bearer });
  }
  return api;
}

/** An app has an incomplete one. */
const { URL: Address } = globalThis;

const clients = new Set<{ dispose(): void }>();
afterEach(() => {
  clients.forEach((client) => client.dispose());
  clients.clear();
  globalThis.localStorage?.clear();
  globalThis.sessionStorage?.clear();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** The client of one tab, with the events that it emitted. The tabs of a test share `localStorage` and a channel. */
export function tab(api: ReturnType<typeof scriptedApi>, options: Partial<AuthClientOptions> = {}) {
  const client = createAuthClient({ baseUrl: API, fetch: api.fetch, debug: false, ...options });
  const events: AuthEvent[] = [];
  client.on((event) => events.push(event));
  clients.add(client);
  return Object.assign(client, { events });
}

/** A tab with a logged-in user. */
export async function loggedInTab(api: ReturnType<typeof scriptedApi>, options: Partial<AuthClientOptions> = {}) {
  localStorage.setItem('kakao-auth.session', 'first');
  const client = tab(api, options);
  await client.start();
  api.calls.length = 0;
  client.events.length = 0;
  return client;
}

export const comeBack = () => document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));

/** Resolves when all messages between tabs have been received. */
export const messages = () => new Promise((resolve) => setTimeout(resolve, 30));
