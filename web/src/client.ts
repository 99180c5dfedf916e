//! The session of a page: who is signed in, the access token, and when to renew it. Tokens live in this closure and nowhere else.

import { api, type ApiResponse, grant, isSessionOver } from './api.js';
import { flags, handOver, random, turns } from './browser.js';
import { authorizeUrl, forgetCode, takeRedirect } from './kakao.js';
import { AuthError, type AuthClient, type AuthClientOptions, type AuthEvent, type AuthState, type Credential, type User } from './types.js';

interface Session {
  /** One for each sign-in, drawn here: messages and answers about another sign-in are told apart by it. */
  id: string;
  access: string;
  /** When it came, by this machine's clock. The end would not tell which token is newer: how long they live varies. */
  since: number;
  life: number;
  user: User;
}

/** Absent where nobody was known to be signed in. */
type SessionId = string | null | undefined;
type Message = { type: 'hello' } | { type: 'session'; session: Session } | { type: 'end'; id: SessionId };

/** How long a new tab listens for another one that hands its token over, if there is one. */
const HAND_OVER_MS = 60;
/** A message may trail the lock that its sender has let go of. */
const TRAILING_MESSAGE_MS = 150;
/** In the flags: the id of the session that this browser has, and the log-out that the API has not heard of. */
const HINT = '.session';
const OWED = '.logout';
const UNKNOWN: AuthState = { status: 'unknown', user: null, error: null };

export function createAuthClient(options: AuthClientOptions): AuthClient {
  const { storageKey = 'kakao-auth' } = options;
  const { base, paths, timeoutMs, http, post, login, warmUp, isLoggedOut, profile } = api(options);
  const flag = flags(storageKey);
  const tabFlag = flags(storageKey, 'sessionStorage');
  const inTurn = turns(storageKey, timeoutMs + 2_000);
  const tokens = handOver(storageKey);
  const listeners = new Set<() => void>();
  const ears = new Set<(event: AuthEvent) => void>();
  const ended = new Set<SessionId>();
  const disposal = new AbortController();
  // A server has no session to keep.
  if (typeof window === 'undefined') disposal.abort();

  let state = UNKNOWN;
  let session: Session | null = null;
  /** Grows when the session may be another one: the answer to a renewal from before is then thrown away. */
  let epoch = 0;
  /** Grows when this page is told to sign in or out: only that overtakes a sign-in on its way. */
  let wish = 0;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let channel: BroadcastChannel | undefined;
  let heard = () => {};
  let started: Promise<AuthState> | undefined;
  let renewal: Promise<Session | null> | undefined;
  let exchanging: { credential: string; user: Promise<User> } | undefined;

  const emit = (type: AuthEvent['type'], via: AuthEvent['via']) => ears.forEach((ear) => ear({ type, via }));
  const tell = (message: Message) => channel?.postMessage(message);
  /** Milliseconds until so long before the token's end; 0 when that has come, or there is no token. */
  const left = (before = 0) => (session ? Math.max(0, session.since + session.life - before - Date.now()) : 0);
  /** Until it is time to renew: a tenth of its life before the end, but not more than a minute. */
  const fresh = () => session && left(Math.min(60_000, session.life / 10));

  const offer = () => tokens.offer(!!fresh() && !disposal.signal.aborted);

  function become(next: AuthState): AuthState {
    state = next;
    listeners.forEach((listener) => listener());
    return state;
  }

  function listenFor(ms: number): Promise<void> {
    return new Promise((resolve) => {
      heard = resolve;
      setTimeout(resolve, ms);
    });
  }

  /** The session in an answer of login or refresh. `previous` is the one that it may continue. */
  async function read(response: ApiResponse, previous: Session | null): Promise<Session> {
    try {
      const { access, life, subject, user } = grant(response.body);
      // Another tab may have signed in as somebody else: the cookie is theirs by now.
      const same = previous && String(previous.user.pk) === subject ? previous : null;
      const known = flag.get(HINT) ?? same?.id;
      const id = !known || (known === previous?.id && !same) ? random() : known;
      const owner = user ?? same?.user ?? (await profile(access));
      return { id, access, since: Date.now(), life, user: owner };
    } catch (cause) {
      throw new AuthError('unavailable', response.status, cause);
    }
  }

  function keep(next: Session, via: 'network' | 'tab'): Session {
    const isOther = session?.id !== next.id;
    if (isOther) {
      epoch++;
      ended.add(session?.id);
    }
    session = next;
    failures = 0;
    flag.set(HINT, next.id);
    // Before the message: a tab that does not see the offer yet still hears it.
    offer();
    if (via === 'network') tell({ type: 'session', session: next });
    if (isOther || state.error) become({ status: 'authenticated', user: next.user, error: null });
    emit(isOther ? 'signed-in' : 'refreshed', via);
    schedule();
    return next;
  }

  function end(via: AuthEvent['via'], error: AuthError | null = null): null {
    const id = session?.id ?? flag.get(HINT);
    ended.add(id);
    epoch++;
    session = null;
    exchanging = undefined;
    offer();
    clearTimeout(timer);
    if (via !== 'tab') {
      flag.set(HINT, null);
      tell({ type: 'end', id });
    }
    become({ status: 'anonymous', user: null, error });
    emit('signed-out', via);
    return null;
  }

  /** One renewal at a time in this page, and in all tabs as far as they can agree. */
  async function renew(): Promise<Session | null> {
    if (disposal.signal.aborted) return null;
    const before = session;
    const era = epoch;
    return (renewal ??= inTurn(async (waited) => {
      if (waited && session === before) await listenFor(TRAILING_MESSAGE_MS);
      if (era !== epoch || (session !== before && fresh())) return session;
      const response = await post(paths.refresh, before ? {} : { user: true });
      if (era !== epoch) return session;
      if (isSessionOver(response)) return end('network', before || flag.get(HINT) ? new AuthError('expired', 401) : null);
      // A 429, a 5xx and whatever a proxy responds say nothing about the session.
      if (!response.ok) throw new AuthError('unavailable', response.status, response.cause);
      const next = await read(response, before);
      return era === epoch ? keep(next, 'network') : session;
    })
      .catch((error: unknown) => {
        if (era === epoch) {
          failures++;
          become({ ...state, error: error as AuthError });
          emit('unavailable', 'network');
          schedule();
        }
        throw error;
      })
      .finally(() => (renewal = undefined)));
  }

  function schedule() {
    clearTimeout(timer);
    if (disposal.signal.aborted || (!session && state.status !== 'unknown' && !flag.get(OWED))) return;
    // Often for half a minute: so long the API knows the token whose successor got lost on the way.
    const backOff = failures && (failures < 10 ? 3_000 : 60_000) * (0.5 + Math.random());
    timer = setTimeout(wake, backOff || fresh() || 0);
  }

  /** On a timer, and whenever the page comes back. A hidden page renews when it is next asked for a token. */
  function wake() {
    // A hidden page may be one that is being left: this comes after `pagehide`, and must not take that back.
    if (!document.hidden || !fresh()) offer();
    // Safari before 15 ignores the signal that takes the listeners away.
    if (document.hidden || disposal.signal.aborted) return;
    // A page that the browser had put aside may have missed a message.
    const hint = flag.get(HINT);
    if (session && hint === null) end('tab');
    if (!navigator.onLine) return;
    if (flag.get(OWED)) return void settle();
    const isOthers = hint !== undefined && hint !== (session?.id ?? null);
    // After a failure it is asked although the token is fresh: whoever is shown that the API is away should see it come back.
    const isDue = state.status === 'unknown' ? state.error : isOthers || (session && (failures || !fresh()));
    if (isDue) renew().catch(() => {});
  }

  function hear({ data: message }: MessageEvent<Message>) {
    if (message.type === 'hello') {
      if (session && fresh()) tell({ type: 'session', session });
      return;
    }
    if (message.type === 'end') {
      ended.add(message.id);
      if (state.status !== 'anonymous' && (!session || session.id === message.id)) end('tab');
    } else {
      const { session: theirs } = message;
      const isNewer = theirs.id !== session?.id || theirs.since > session.since;
      if (isNewer && !ended.has(theirs.id)) keep(theirs, 'tab');
    }
    heard();
  }

  /** Tells the API of a log-out. Until that has worked it is owed: the cookie is HttpOnly, so only the API can end it. */
  async function settle(): Promise<boolean> {
    try {
      await inTurn(async () => {
        const path = flag.get(OWED);
        if (path) await farewell(path);
      });
      return true;
    } catch {
      failures++;
      schedule();
      return false;
    }
  }

  async function farewell(path: string): Promise<void> {
    const response = await post(path, {});
    if (!isLoggedOut(response)) throw new AuthError('unavailable', response.status, response.cause);
    failures = 0;
    flag.set(OWED, null);
  }

  async function signIn(credential: Credential): Promise<User> {
    const own = ++wish;
    try {
      return await inTurn(async () => {
        const owed = flag.get(OWED);
        // The API ends this browser's own session by itself when a new one begins.
        if (owed?.includes('scope=all')) await farewell(owed);
        const response = await login(credential, () => own === wish);
        const next = { ...(await read(response, null)), id: random() };
        if (own !== wish) throw new AuthError('rejected');
        flag.set(OWED, null);
        return keep(next, 'network').user;
      });
    } catch (error) {
      if (own === wish) become({ ...state, error: error as AuthError });
      throw error;
    }
  }

  function exchange(credential: Credential): Promise<User> {
    // React's StrictMode runs an effect twice, and a code is good once.
    const text = JSON.stringify(credential);
    if (exchanging?.credential === text) return exchanging.user;
    const user = signIn(credential);
    exchanging = { credential: text, user };
    const forget = () => (exchanging = undefined);
    user.then('code' in credential ? () => {} : forget, forget);
    return user;
  }

  async function begin(): Promise<AuthState> {
    if (disposal.signal.aborted) return state;
    try {
      channel = new BroadcastChannel(storageKey);
      channel.onmessage = hear;
    } catch {
      // Safari before 15.4 has none, and Firefox refuses it with cookies. Tabs then notice each other's logout when they are shown.
    }
    for (const comeBack of ['visibilitychange', 'pageshow', 'online']) addEventListener(comeBack, wake, disposal);
    addEventListener('pagehide', () => tokens.offer(false), disposal);

    const redirect = options.kakao ? takeRedirect(options.kakao, flag, tabFlag) : null;
    if (redirect?.returnTo) options.onReturn?.(redirect.returnTo);
    let error = redirect?.error ?? null;
    if (redirect?.credential) {
      try {
        await exchange(redirect.credential);
        return state;
      } catch (cause) {
        // Whoever was signed in before still is.
        error = cause as AuthError;
      } finally {
        forgetCode(tabFlag);
      }
    }
    if (flag.get(OWED)) {
      end('page', error);
      void settle();
      return state;
    }
    // Where flags are refused there is no telling, so ask.
    if (flag.get(HINT) === null && options.silent !== 'always') return become({ status: 'anonymous', user: null, error });

    tell({ type: 'hello' });
    if (channel && !session) {
      const listening = listenFor(HAND_OVER_MS);
      await Promise.race([listening, tokens.isLikely().then((isLikely) => (isLikely ? listening : undefined))]);
    }
    if (!session && state.status === 'unknown') await renew().catch(() => {});
    return error ? become({ ...state, error }) : state;
  }

  async function getToken(): Promise<string | null> {
    await start();
    if (!session && state.status !== 'unknown') return null;
    // While the API cannot be reached, a token is good until its end. The timer asks again, not every call.
    if (session && (failures ? left() : fresh())) return session.access;
    try {
      return (await renew())?.access ?? null;
    } catch (error) {
      if (session && left()) return session.access;
      throw error;
    }
  }

  async function authFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const isPath = typeof input === 'string' && /^\/(?!\/)/.test(input);
    const plain = new Request(isPath ? base + input : input, init);
    if (new URL(plain.url).origin !== new URL(base).origin) return http(plain);
    // The refresh cookie is for the refresh route.
    const request = input instanceof Request || init?.credentials ? plain : new Request(plain, { credentials: 'omit' });
    const asker = session?.id;
    const first = await getToken();
    if (!first) return http(request);

    // Not as another person: what was asked for in one account's name is not asked for in another's.
    const owner = session?.id;
    if (asker && asker !== owner) throw new AuthError('expired');
    const spare = request.clone();
    request.headers.set('authorization', `Bearer ${first}`);
    const response = await http(request);
    if (response.status !== 401) return response;
    // Another call may have learnt already that the token is replaced, or the session over.
    const next = session?.access !== first ? session : await renew().catch(() => null);
    if (!next || next.id !== owner) return response;
    await response.body?.cancel();
    emit('retried', 'page');
    spare.headers.set('authorization', `Bearer ${next.access}`);
    return http(spare);
  }

  function start(): Promise<AuthState> {
    return (started ??= begin());
  }

  return {
    start,
    getState: () => state,
    getServerState: () => UNKNOWN,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    on(listener) {
      ears.add(listener);
      return () => ears.delete(listener);
    },
    expiresAt: () => session && session.since + session.life,
    // Not `select_account`: with it, an account that is saved in the browser needs no password.
    async login({ returnTo = location.href, switchAccount, prompt = switchAccount ? 'login' : '' } = {}) {
      if (!options.kakao) throw new Error('login() without the option `kakao`');
      location.assign(await authorizeUrl(options.kakao, flag, returnTo, prompt));
      void warmUp();
    },
    exchange(credential) {
      void start();
      return exchange(credential);
    },
    async logout({ everywhere = false } = {}) {
      void start();
      flag.set(OWED, paths.logout + (everywhere ? '?scope=all' : ''));
      forgetCode(tabFlag);
      wish++;
      end('page');
      return settle();
    },
    getToken,
    async refresh() {
      await start();
      return (await renew())?.access ?? null;
    },
    fetch: authFetch,
    dispose() {
      disposal.abort();
      offer();
      epoch++;
      wish++;
      channel?.close();
      channel = undefined;
      clearTimeout(timer);
      listeners.clear();
      ears.clear();
    },
  };
}
