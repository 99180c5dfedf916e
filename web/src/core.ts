/** The session of a client, its renewal, and its tabs. Its variables keep the tokens: no other script can reach them. */

import { type Message, openChannel, type SessionId } from './messages.js';
import { handOver, turns } from './locks.js';
import { freshFor, readSession, type Session } from './session.js';
import type { AuthClient, AuthError, AuthEvent, AuthState, CoreClient, CoreOptions, User } from './types.js';
import { createExchange } from './exchange.js';
import { createFetch } from './fetch.js';
import { lazily } from './lazily.js';
import { api, OWN, type Paths, unavailable } from './api.js';
import { openLinks } from './links.js';
import { addTo } from './listeners.js';
import { pageStore } from './page-store.js';
import type { Redirect } from './redirect.js';
import { flag, type Store } from './store.js';

const UNKNOWN: AuthState = { status: 'unknown', user: null, error: null };

/**
 * `take` takes the redirect from Kakao's page out of the address, `goAgain` goes to that page again, and `arrive` is called when the
 * login has succeeded or failed.
 */
export function createCore(
  options: CoreOptions,
  paths: Paths = OWN,
  take?: (store: Store) => Redirect | undefined,
  goAgain?: (returnTo: string) => Promise<void>,
  arrive?: (returnTo: string) => void,
) {
  const { storageKey = 'kakao-auth', storage: store = pageStore(storageKey) } = options;
  const [base, post, logoutPath, http, refreshPath, timeoutMs, loginPath, isLoggedOut, profilePath, profile] = api(options, paths, store);
  /** The id of this browser's session. */
  const sessionHint = flag(store, '.session');
  /** The path of a logout that the API has not confirmed yet. */
  const pendingLogout = flag(store, '.logout');
  const [ask, settleLink] = openLinks(store.change, post);
  const logins = lazily(() => import('./logins.js'));
  const inTurn = turns(storageKey, timeoutMs + 2_000);
  const [offer, isOfferLikely] = handOver(storageKey);
  const listeners = new Set<() => void>();
  const eventListeners = new Set<(event: AuthEvent) => void>();
  const ended = new Set<SessionId>();
  const disposal = new AbortController();
  const { hostname } = globalThis.location ?? {};
  /** Whether the console says what to change after a failure. */
  const { debug = /^([\d.]+|\[.*|localhost|.*\.local)$/.test(hostname!) } = options;
  // There is no session on a server.
  let isDisposed = !options.storage && typeof window === 'undefined';
  const redirect = (!isDisposed && hostname !== undefined && take?.(store)) || {};

  let state = UNKNOWN;
  let session: Session | null = null;
  /** Grows when the session may have changed. The response to a renewal of an earlier generation is discarded. */
  let sessionGeneration = 0;
  /** Failed requests in a row. */
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let channel: BroadcastChannel | undefined;
  /** Called when a message from another tab has been handled. */
  let onMessage = () => {};
  let started: Promise<AuthState> | undefined;
  let renewal: Promise<Session | null> | undefined;

  const broadcast = (message: Message) => channel?.postMessage(message);
  /** Lets other tabs know whether this one can hand its token over. */
  const offerToken = () => offer(freshFor(session) && !isDisposed);

  function emit(type: AuthEvent['type'], via: AuthEvent['via']) {
    eventListeners.forEach((listener) => listener({ type, via }));
    if (options.debug) console.debug('kakao-login-web', type, via);
  }

  function setState(next: AuthState): AuthState {
    state = next;
    listeners.forEach((listener) => listener());
    if (next.error && debug) import('./hints.js').then(({ explain }) => explain(next.error!, http, base), () => {});
    return state;
  }

  const setError = (error: unknown) => setState({ ...state, error: error as AuthError });

  /** Resolves when a message from another tab has been handled, or after `ms`. */
  const nextMessage = (ms: number) => new Promise<void>((resolve) => setTimeout((onMessage = resolve), ms));

  /** Starts a session, or continues it with a new token. */
  function setSession(next: Session, via: 'network' | 'tab'): Session {
    const isOther = session?.id !== next.id;
    if (isOther) {
      sessionGeneration++;
      ended.add(session?.id);
    }
    session = next;
    failures = 0;
    sessionHint.set(next.id);
    // Before the message, so that a tab that does not see the offer yet still receives the message.
    offerToken();
    if (via === 'network') broadcast({ type: 'session', session: next });
    if (isOther || state.error) setState({ status: 'authenticated', user: next.user, error: null });
    emit(isOther ? 'logged-in' : 'refreshed', via);
    schedule();
    return next;
  }

  /** Ends the session in all tabs. */
  function endSession(via: AuthEvent['via'], error: AuthError | null = null): null {
    const id = session?.id ?? sessionHint.get();
    ended.add(id);
    if (via !== 'tab') {
      sessionHint.set(null);
      broadcast({ type: 'end', id });
    }
    return leaveSession(via, error);
  }

  /** Ends the session in this page only. */
  function leaveSession(via: AuthEvent['via'], error: AuthError | null): null {
    sessionGeneration++;
    session = null;
    forgetLogin();
    offerToken();
    clearTimeout(timer);
    setState({ status: 'anonymous', user: null, error });
    emit('logged-out', via);
    return null;
  }

  /** Renews the token once for all calls of this page, and for all tabs as far as they can coordinate. */
  async function renew(): Promise<Session | null> {
    if (isDisposed) return null;
    const before = session;
    const generation = sessionGeneration;
    const hint = sessionHint.get();
    const isCurrent = () => generation === sessionGeneration;
    let isLate = false;
    return (renewal ??= inTurn(async (waited) => {
      if (waited && session === before) await nextMessage(150);
      if (!isCurrent() || (session !== before && freshFor(session))) return session;
      const response = await ask(refreshPath, before ? {} : { user: true });
      if (!isCurrent()) return session;
      // A 429, a 5xx and a proxy's response say nothing about the session.
      if (!response.ok) throw unavailable(response);
      const next = await readSession(response, before, sessionHint.get(), profile);
      const { entry, body } = response;
      if (entry && body['link']) {
        await settleLink(entry, next.sid, body['link']);
        // The API may have repeated its response, which does not postpone the end of the session: refresh once more.
        isLate = entry.since! < next.since - 2 * next.life;
      }
      return isCurrent() ? setSession(next, 'network') : session;
    })
      .catch((error: AuthError) => {
        if (!isCurrent()) return session;
        const { status } = error;
        if (error.code === 'expired') {
          // Another tab may know better: it has logged in, or can read what this one cannot.
          if (status === 403 || sessionHint.get() !== hint) return leaveSession('network', error);
          // A copy of the links has been used: log it out too.
          if (status === 409) pendingLogout.set(logoutPath);
          void sendInTurn();
          return endSession('network', before || hint ? error : null);
        }
        failures++;
        setError(error);
        emit('unavailable', 'network');
        schedule();
        throw error;
      })
      .finally(() => {
        renewal = undefined;
        if (isLate) renew().catch(() => {});
      }));
  }

  function schedule() {
    clearTimeout(timer);
    if (isDisposed || (!session && state.status !== 'unknown' && !pendingLogout.get())) return;
    // Often for the first half minute: the API still accepts a refresh token whose successor was lost on the way.
    const backOff = failures && (failures < 10 ? 3_000 : 60_000) * (0.5 + Math.random());
    timer = setTimeout(wake, backOff || freshFor(session));
  }

  /** Called by the timer, and when the page is shown or online again. A hidden page renews when it is next asked for a token. */
  function wake() {
    // A hidden page may be about to be left. `pagehide` came first and released the lock: do not take it again.
    const isHidden = globalThis.document?.hidden;
    if (!isHidden || !freshFor(session)) offerToken();
    // Safari before 15 ignores the signal that removes the listeners.
    if (isHidden || isDisposed) return;
    // The browser may have frozen this page, so that it missed a message.
    const hint = sessionHint.get();
    if (session && hint === null) endSession('tab');
    // An app cannot tell.
    if (globalThis.navigator?.onLine === false) return;
    if (pendingLogout.get()) return void sendInTurn();
    const isOthers = hint !== undefined && hint !== (session?.id ?? null);
    // With an unfinished login the page has come back from the browser's cache: the user has turned round on the way to Kakao.
    // After a failure even a fresh token is renewed, so that the error goes away once the API can be reached.
    const isDue = state.status === 'unknown' ? state.error || redirect.isUnfinished : isOthers || (session && (failures || !freshFor(session)));
    if (isDue) renew().catch(() => {});
    // Timers may fire early, and clocks may be set back: wait again.
    else if (session) schedule();
  }

  /** Replaces the profile. */
  function setUser(user: User, isOwn?: boolean) {
    if (session?.user.pk !== user.pk) return;
    // The session stays the same object: a renewal under way continues it.
    session.user = user;
    if (isOwn) broadcast({ type: 'user', user });
    setState({ ...state, user } as AuthState);
  }

  function sessionsChanged() {
    broadcast({ type: 'sessions-changed' });
    emit('sessions-changed', 'page');
  }

  function receive(message: Message) {
    if (message.type === 'hello') {
      if (freshFor(session)) broadcast({ type: 'session', session: session! });
      return;
    }
    if (message.type === 'user') return setUser(message.user);
    if (message.type === 'sessions-changed') return emit(message.type, 'tab');
    if (message.type === 'end') {
      ended.add(message.id);
      if (state.status !== 'anonymous' && (!session || session.id === message.id)) endSession('tab');
    } else {
      const { session: theirs } = message;
      const isNewer = theirs.id !== session?.id || theirs.since > session.since;
      if (isNewer && !ended.has(theirs.id)) setSession(theirs, 'tab');
    }
    onMessage();
  }

  /**
   * Sends this logout or the pending one. A logout is pending until the API has confirmed it: the cookie is HttpOnly, so only the API
   * can remove it. Resolves to whether it has.
   */
  function sendInTurn(given?: string): Promise<boolean> {
    return inTurn(async () => {
      const path = given ?? pendingLogout.get();
      if (path) await sendLogout(path);
      return true;
    }).catch(() => {
      failures++;
      schedule();
      return false;
    });
  }

  async function sendLogout(path: string): Promise<void> {
    // Only a logout of other devices needs a link.
    const response = await (path.includes('?') ? ask : post)(path, {}).catch((error: AuthError) => {
      // Without a link only this browser can be logged out.
      if (error.code === 'expired' && pendingLogout.get()) pendingLogout.set(logoutPath);
      throw unavailable(error);
    });
    if (!isLoggedOut(response)) throw unavailable(response);
    if (pendingLogout.get() === path) pendingLogout.set(null);
    failures = 0;
    void settleLink({ key: path.split('#')[1] });
  }

  const [exchange, forgetLogin, abandonLogin] = createExchange(
    (credential, isCurrent) =>
      inTurn(async () => {
        const { logIn } = await logins();
        await store.ready;
        const path = pendingLogout.get();
        // A login ends this browser's previous session by itself, but not the sessions on other devices, nor an app's.
        if (path && (store.send || path.includes('scope=all'))) await sendLogout(path);
        const next = await logIn(credential, options.device, isCurrent, (content) => post(loginPath, content), store, settleLink, profile);
        pendingLogout.set(null);
        return setSession(next, 'network').user;
      }),
    setError,
  );

  async function run(): Promise<AuthState> {
    if (isDisposed) return state;
    channel = openChannel(storageKey, receive);
    for (const type of ['visibilitychange', 'pageshow', 'online']) globalThis.addEventListener?.(type, wake, disposal);
    globalThis.addEventListener?.('pagehide', () => offer(false), disposal);
    await store.ready;

    const { returnTo, credential, failure, isUnfinished } = redirect;
    const task = isUnfinished ? goAgain!(returnTo!) : credential ? exchange(credential) : failure && logins().then(({ failed }) => failed(...failure));
    const error = task
      ? await (task as Promise<unknown>).then(
          () => null,
          (cause: AuthError) => cause,
        )
      : null;
    if (credential) store.set('.code', null);
    if (returnTo && (error || !isUnfinished)) arrive?.(returnTo);
    // After a failure, a session from before this login continues.
    if (task && !error) return state;
    if (pendingLogout.get()) {
      endSession('page', error);
      void sendInTurn();
      return state;
    }
    // Undefined if the browser refuses access to its storage: then only the API knows whether there is a session.
    if (sessionHint.get() === null && options.silent !== 'always') return setState({ status: 'anonymous', user: null, error });

    broadcast({ type: 'hello' });
    if (channel && !session) {
      const message = nextMessage(60);
      await Promise.race([message, isOfferLikely().then((isLikely): unknown => isLikely && message)]);
    }
    if (state.status === 'unknown') await renew().catch(() => {});
    return error ? setError(error) : state;
  }

  async function getToken(): Promise<string | null> {
    await start();
    const mayExist = session || state.status === 'unknown';
    // While the API cannot be reached, a token is used until it expires. The timer retries, not every call.
    if (mayExist && !freshFor(session, failures ? 0 : undefined)) {
      await renew().catch((error: unknown) => {
        if (!freshFor(session, 0)) throw error;
      });
    }
    return session?.access ?? null;
  }

  function start(): Promise<AuthState> {
    return (started ??= run());
  }

  async function logout({ scope }: Parameters<AuthClient['logout']>[0] = {}): Promise<boolean> {
    void start();
    const path = logoutPath + (scope ? `?scope=${scope}` : '');
    if (scope === 'others') {
      const isDone = await sendInTurn(path);
      if (isDone) sessionsChanged();
      return isDone;
    }
    pendingLogout.set(`${path}#${session?.sid}`);
    store.set('.code', null);
    abandonLogin();
    endSession('page');
    return sendInTurn();
  }

  function forgetSession() {
    void settleLink({ key: session?.sid });
    endSession('page');
  }

  const getSession = () => session;
  const authFetch = createFetch(http, base, getSession, getToken, renew, emit);

  const client: CoreClient = {
    start,
    getState: () => state,
    getServerState: () => UNKNOWN,
    subscribe: addTo(listeners),
    on: addTo(eventListeners),
    expiresAt: () => session && session.since + session.life,
    exchange(credential) {
      void start();
      return exchange(credential);
    },
    logout,
    getToken,
    async refresh() {
      await start();
      return (await renew())?.access ?? null;
    },
    fetch: authFetch,
    wake,
    dispose() {
      disposal.abort();
      isDisposed = true;
      offerToken();
      sessionGeneration++;
      abandonLogin();
      channel?.close();
      channel = undefined;
      clearTimeout(timer);
      listeners.clear();
      eventListeners.clear();
    },
  };
  return [client, store, http, base + loginPath, authFetch, profilePath, timeoutMs, start, getSession, logout, forgetSession, setUser, sessionsChanged] as const;
}
