/** The journal: what happened, newest first, with counters. The texts of its rows are in `texts/`. */

import type { AuthErrorCode } from 'kakao-login-web';
import type { Fault } from './faults.js';
import type { Trip } from './wire.js';

/** `thief`: a computer with a copy of what this browser stores. `service`: one that only has the public keys. */
export type Source = 'network' | 'tab' | 'page' | 'thief' | 'service';

/** A part of a result such as `20 × 401 → 1 × refresh → 20 × 200`. */
export interface Step {
  count: number;
  what: 'call' | 'refresh' | 'retry';
  status: number | null;
}

export type Entry =
  | { kind: 'first-visit' | 'checked' | 'resumed' | 'handed-over' | 'joined' | 'logout-pending' | 'unavailable' | 'expired' | 'force-expired' | 'sessions-changed' | 'keys-rotated' }
  | { kind: 'failed'; code: AuthErrorCode }
  | { kind: 'exchanged'; isStrict: boolean }
  | { kind: 'refreshed' | 'logged-out'; via: Source }
  | { kind: 'logging-out'; everywhere: boolean }
  | { kind: 'fault'; fault: Fault; on: boolean }
  | { kind: 'result'; steps: Step[] }
  | { kind: 'clock'; seconds: number }
  | { kind: 'lost' | 'service'; status: number }
  | { kind: 'thief'; hasLinks: boolean; status: number; code: string | null }
  | ({ kind: 'trip' } & Pick<Trip, 'method' | 'path' | 'status' | 'retry'>);

export interface Row {
  id: number;
  at: Date;
  entry: Entry;
  source: Source;
  simulated: boolean;
  ms: number | null;
  /** Equal requests at the same time share a row. */
  count: number;
}

export interface Counters {
  refreshes: number;
  retries: number;
  /** Requests sent to the server. Simulated ones are not. */
  requests: number;
}

export interface Records {
  rows: Row[];
  counters: Counters;
}

const MAX_ROWS = 100;
const AT_ONCE_MS = 600;

export type Journal = ReturnType<typeof createJournal>;

export function createJournal() {
  const listeners = new Set<() => void>();
  let state: Records = { rows: [], counters: { refreshes: 0, retries: 0, requests: 0 } };
  let next = 0;

  function change(change: Partial<Records>) {
    state = { ...state, ...change };
    listeners.forEach((listener) => listener());
  }

  return {
    get: () => state,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /** Continues the journal of the page before a reload, as it came out of JSON. */
    restore({ rows, counters }: Records) {
      change({ rows: rows.map((row) => ({ ...row, at: new Date(row.at) })), counters });
      next = rows.length && rows[0]!.id + 1;
    },
    count(name: keyof Counters) {
      change({ counters: { ...state.counters, [name]: state.counters[name] + 1 } });
    },
    add(entry: Entry, source: Source, { simulated = false, ms = null }: { simulated?: boolean; ms?: number | null } = {}) {
      const at = new Date();
      const [last, ...older] = state.rows;
      const same = last && entry.kind === 'trip' && JSON.stringify(last.entry) === JSON.stringify(entry);
      if (same && last.simulated === simulated && at.getTime() - last.at.getTime() < AT_ONCE_MS) {
        change({ rows: [{ ...last, count: last.count + 1, ms: ms === null ? null : Math.max(last.ms ?? 0, ms) }, ...older] });
        return;
      }
      change({ rows: [{ id: next++, at, entry, source, simulated, ms, count: 1 }, ...state.rows].slice(0, MAX_ROWS) });
    },
  };
}

/** Counts calls, renewals and retries by status. */
export function summary(trips: Trip[]): Step[] {
  const steps = new Map<string, Step>();
  for (const { path, status, retry } of trips) {
    const what = path === '/auth/refresh' ? 'refresh' : retry ? 'retry' : 'call';
    const name = `${what} ${status}`;
    steps.set(name, { count: (steps.get(name)?.count ?? 0) + 1, what, status });
  }
  const order = ['call', 'refresh', 'retry'];
  return [...steps.values()].sort((a, b) => order.indexOf(a.what) - order.indexOf(b.what));
}
