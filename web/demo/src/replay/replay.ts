/** A recording of the same accidents here and with dj-rest-auth, made by `bench/django/record_replay.py`. */

import recorded from './recording.json';

export const REPLAYS = ['race', 'lost', 'cookie', 'everything', 'logout'] as const;
export type ReplayName = (typeof REPLAYS)[number];
export type Act = 'both-tabs' | 'lost' | 'again' | 'thief' | 'owner' | 'thief-again' | 'logout' | 'call';

/** What one back end said to a request; of a race that was run many times, how often it said what. */
export interface Said {
  act: Act;
  method: string;
  path: string;
  status?: number;
  code?: string;
  outcomes?: Record<string, number>;
}

export interface Recording {
  recorded_on: string;
  trials: number;
  versions: Record<string, string>;
  scenes: Record<ReplayName, { ours: Said[]; django: Said[] }>;
}

export const recording = recorded as unknown as Recording;
