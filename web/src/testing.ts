/** A client for an app's tests: it needs no network, no browser and no timers, and does what the test says. */

import { addTo } from './listeners.js';
import { AuthError, type AuthClient, type AuthErrorCode, type AuthEvent, type AuthSession, type AuthState, type User } from './types.js';

/** A request that the app has sent with `fetch`. */
export interface TestRequest {
  method: string;
  /** As the app gave it: a path, or a whole URL. */
  path: string;
  headers: Record<string, string>;
  body: unknown;
}

/** What a response says: a status, 200 by default, and a body, which is sent as JSON unless it is a text. */
export interface TestResponse {
  status?: number;
  body?: unknown;
}

type Respond = Response | TestResponse;

export interface TestAuth extends AuthClient {
  /** A user logs in, as if Kakao had redirected back. */
  logIn(user?: Partial<User>): void;
  /** The session ends: by a logout, or with an error such as `expired`. */
  logOut(error?: AuthErrorCode): void;
  /** What `fetch` of this path resolves to from now on. A path without a response rejects, and says so. */
  respond(path: string, response: Respond | ((request: TestRequest) => Respond | Promise<Respond>)): void;
  /** Every request of `fetch`, in order. */
  readonly requests: readonly TestRequest[];
}

export interface TestAuthOptions {
  /** Who is logged in at the start. Default: nobody. */
  user?: Partial<User> | null;
  /** `unknown`: as on a page load, until the test calls `logIn` or `logOut`. */
  status?: 'unknown';
}

const UNKNOWN: AuthState = { status: 'unknown', user: null, error: null };
const someone = (user: Partial<User> | null | undefined): User => ({ pk: 'test-user', nickname: '라이언', ...user });

export function createTestAuth({ user, status }: TestAuthOptions = {}): TestAuth {
  const listeners = new Set<() => void>();
  const eventListeners = new Set<(event: AuthEvent) => void>();
  const returns = new Set<(path: string) => void>();
  const responses = new Map<string, Respond | ((request: TestRequest) => Respond | Promise<Respond>)>();
  const requests: TestRequest[] = [];
  const at = new Date().toISOString();
  const loggedIn = (who?: Partial<User> | null): AuthState => ({ status: 'authenticated', user: someone(who), error: null });
  let state: AuthState = status ? UNKNOWN : user ? loggedIn(user) : { status: 'anonymous', user: null, error: null };

  function setState(next: AuthState, type?: AuthEvent['type']) {
    state = next;
    listeners.forEach((listener) => listener());
    if (type) eventListeners.forEach((listener) => listener({ type, via: 'page' }));
  }

  const logIn = (who?: Partial<User>) => setState(loggedIn(who), 'logged-in');
  const logOut = (code?: AuthErrorCode) => setState({ status: 'anonymous', user: null, error: code ? new AuthError(code) : null }, 'logged-out');

  function owner(): User {
    if (!state.user) throw new AuthError('expired', 401);
    return state.user;
  }

  async function sessions(): Promise<AuthSession[]> {
    const { pk } = owner();
    return [{ id: `${pk}-here`, user_agent: '', ip_prefix: '', created_at: at, last_used_at: at, expires_at: at, current: true }];
  }

  async function respondTo(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
    const given: Partial<Request> = typeof input === 'object' && 'url' in input ? input : {};
    const path = given.url ?? String(input);
    const headers = Object.fromEntries(given.headers ?? []) as Record<string, string>;
    const own = init.headers ?? {};
    for (const [name, value] of Symbol.iterator in own ? own : Object.entries(own)) headers[name!.toLowerCase()] = value!;
    const body: unknown = init.body ?? (given.body ? await given.text!() : undefined);
    const request = { method: init.method ?? given.method ?? 'GET', path, headers, body };
    requests.push(request);
    const response = responses.get(path);
    if (response === undefined) throw new Error(`no response for ${request.method} ${path}: auth.respond('${path}', { body: … })`);
    return asResponse(typeof response === 'function' ? await response(request) : response);
  }

  return {
    logIn,
    logOut,
    respond: (path, response) => void responses.set(path, response),
    requests,
    start: async () => state,
    getState: () => state,
    getServerState: () => UNKNOWN,
    subscribe: addTo(listeners),
    on: addTo(eventListeners),
    onReturn: addTo(returns),
    expiresAt: () => (state.user ? Date.now() + 300_000 : null),
    async login({ returnTo } = {}) {
      logIn();
      if (returnTo) returns.forEach((listener) => listener(returnTo));
    },
    async exchange() {
      logIn();
      return owner();
    },
    async logout({ scope } = {}) {
      if (scope !== 'others') logOut();
      return true;
    },
    sessions,
    async endSession(id) {
      if (id === `${owner().pk}-here`) logOut();
    },
    async account() {
      return { user: owner(), account: {}, sessions: await sessions() };
    },
    async deleteAccount() {
      owner();
      logOut();
      return { id: 'test-deletion', deleted_at: new Date().toISOString() };
    },
    async updateProfile(changes) {
      setState(loggedIn({ ...owner(), ...changes }));
      return owner();
    },
    getToken: async () => (state.user ? 'test-token' : null),
    refresh: async () => (state.user ? 'test-token' : null),
    fetch: respondTo,
    wake() {},
    dispose() {
      listeners.clear();
      eventListeners.clear();
      returns.clear();
    },
  };
}

/** A `Response`; where there is none, as in jest-environment-jsdom, an object that is read like one. */
function asResponse(given: Respond): Response {
  if ('headers' in given) return given.clone();
  const { status = 200, body } = given;
  const isText = typeof body === 'string';
  const text = isText || body === undefined ? body : JSON.stringify(body);
  const type = isText ? 'text/plain' : 'application/json';
  if (typeof Response === 'function') return new Response(text ?? null, { status, headers: { 'content-type': type } });
  const headers = { get: (name: string) => (name.toLowerCase() === 'content-type' ? type : null) };
  return { ok: status >= 200 && status < 300, status, headers, text: async () => text ?? '', json: async () => JSON.parse(text ?? '') } as unknown as Response;
}
