/** The auth client of this page, its journal, and the actions of the buttons. */

import { createAuthClient, type AuthClient, type AuthState } from 'kakao-login-web';
import { type Config, loadConfig } from './config.js';
import { createDeletion } from './deletion.js';
import { createFaults, type Fault } from './faults.js';
import { createJournal, type Source, type Step, summary } from './journal.js';
import { createScenes } from './scenes.js';
import { createTour } from './tour.js';
import { createWire, type Trip } from './wire.js';

/** In `localStorage` from a logout to the next login: every tab then asks Kakao for an account again. */
const SWITCH = 'demo.switch-account';

export type Demo = ReturnType<typeof createDemo>;

export function createDemo(config: Config) {
  const journal = createJournal();
  const faults = createFaults(config);
  const tour = createTour();
  const wire = createWire(() => faults.get().offline, record);
  const client: AuthClient = createAuthClient({
    baseUrl: config.api,
    kakao: { clientId: config.clientId, redirectUri: config.redirectUri, authorizeUrl: config.authorizeUrl },
    fetch: wire.fetch,
  });
  const deletion = createDeletion(client);
  const scenes = createScenes(config, client, journal, wire, mend);
  const watched = new Set<Trip[]>();
  /** Duration of the last successful login and refresh, by path. The client's event that follows adds them to the journal. */
  const lastMs: Record<string, number> = {};
  /** Lifetime of the current token in milliseconds. */
  let life = config.accessTtl * 1_000;
  let was: AuthState['status'] = 'unknown';

  function record(trip: Trip) {
    watched.forEach((trips) => trips.push(trip));
    const { method, path, status, retry, ms, simulated } = trip;
    if (!simulated) journal.count('requests');
    if (path === '/auth/refresh' && !simulated) journal.count('refreshes');
    if (['/auth/refresh', '/auth/kakao'].includes(path) && status === 200) {
      lastMs[path] = ms;
    } else {
      journal.add({ kind: 'trip', method, path, status, retry }, simulated ? 'page' : 'network', { ms: simulated ? null : ms, simulated });
    }
  }

  function loggedIn(via: Source) {
    const exchanged = lastMs['/auth/kakao'];
    if (via === 'tab') journal.add({ kind: was === 'unknown' ? 'handed-over' : 'joined' }, 'tab');
    else if (exchanged !== undefined) journal.add({ kind: 'exchanged', isStrict: import.meta.env.DEV }, 'network', { ms: exchanged });
    else journal.add({ kind: 'resumed' }, 'network', { ms: lastMs['/auth/refresh'] ?? null });
  }

  client.on(({ type, via }) => {
    const expiresAt = client.expiresAt();
    if (expiresAt !== null && (type === 'logged-in' || type === 'refreshed')) {
      life = via === 'network' ? expiresAt - Date.now() : config.accessTtl * 1_000;
    }
    if (type === 'logged-in') tour.tick('login');
    else if (type === 'refreshed' && via === 'network') tour.tick('renew');
    else if (type === 'logged-out') tour.leave(via);
    if (type === 'logged-in') loggedIn(via);
    else if (type === 'refreshed') {
      const ms = via === 'network' ? (lastMs['/auth/refresh'] ?? null) : null;
      journal.add({ kind: 'refreshed', via }, via, { ms });
    } else if (type === 'retried') {
      journal.count('retries');
      wire.expectRetry();
    } else if (type === 'unavailable') journal.add({ kind: 'unavailable' }, 'page');
    else if (type === 'sessions-changed') via === 'tab' && journal.add({ kind: 'sessions-changed' }, 'tab');
    else if (via === 'network') journal.add({ kind: 'expired' }, 'network');
    else if (via === 'tab') journal.add({ kind: 'logged-out', via }, 'tab');
    if (type === 'logged-in') {
      localStorage.removeItem(SWITCH);
      deletion.forget();
    }
    // Only after a logout by the user: after an expired session or a deletion the same person logs in again.
    else if (type === 'logged-out' && via === 'page' && deletion.get().step !== 'deleting') localStorage.setItem(SWITCH, 'yes');
    was = client.getState().status;
  });

  const switchesAccount = () => localStorage.getItem(SWITCH) !== null;

  void client.start().then((state) => {
    was = state.status;
    void deletion.resume(lastMs['/auth/kakao'] !== undefined && !state.error);
    void scenes.resume();
    if (state.error?.code === 'expired' || state.status === 'unknown') return;
    if (state.error) journal.add({ kind: 'failed', code: state.error.code }, 'page');
    else if (state.status === 'anonymous') journal.add({ kind: journal.get().counters.requests === 0 ? 'first-visit' : 'checked' }, 'page');
  });

  /** Renews at once, so that the effect of a fault shows without waiting for the token to expire. */
  async function setFault(fault: Fault, on: boolean) {
    await faults.set(fault, on);
    if (on) tour.tick('break');
    journal.add({ kind: 'fault', fault, on }, 'page', { simulated: fault === 'offline' });
    // The browser's event when the network is back.
    if (fault === 'offline' && !on) dispatchEvent(new Event('online'));
    if (client.getState().status !== 'anonymous') client.refresh().catch(() => {});
  }

  async function mend() {
    for (const fault of faults.all) if (faults.get()[fault]) await setFault(fault, false);
  }

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) loadConfig().then((now) => faults.know(now.faults), () => {});
  });

  return {
    config,
    client,
    journal,
    wire,
    deletion,
    scenes,
    faults,
    tour,
    setFault,
    getLife: () => life,
    switchesAccount,
    login() {
      deletion.cancel();
      return client.login({ switchAccount: switchesAccount() });
    },

    /** Makes this many calls at once, with an expired token if `expire`, and returns the requests that they caused. */
    async call(times: number, expire: boolean): Promise<Step[]> {
      if (expire) {
        const token = await client.getToken().catch(() => null);
        if (token) wire.expire(token);
        journal.add({ kind: 'force-expired' }, 'page', { simulated: true });
      }
      const trips: Trip[] = [];
      watched.add(trips);
      const one = () => client.fetch('/auth/profile').then((response) => response.arrayBuffer());
      await Promise.allSettled(Array.from({ length: times }, one));
      watched.delete(trips);
      const steps = summary(trips);
      if (times > 1) {
        tour.tick('burst');
        journal.add({ kind: 'result', steps }, 'page');
      }
      return steps;
    },

    async logout(everywhere: boolean) {
      journal.add({ kind: 'logging-out', everywhere }, 'page');
      const heard = await client.logout({ scope: everywhere ? 'all' : 'local' });
      if (!heard) journal.add({ kind: 'logout-pending' }, 'page');
    },
  };
}
