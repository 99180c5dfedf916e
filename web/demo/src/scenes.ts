/** Three scenes about linked sessions. The local command plays the thief, because this page cannot read its own cookie. */

import type { AuthClient } from 'kakao-login-web';
import type { Config } from './config.js';
import type { Journal, Records } from './journal.js';
import { drawLink, readLinks } from './stored-links.js';
import { createThief } from './thief.js';
import type { Wire } from './wire.js';

export const SCENES = ['cookie', 'profile', 'silence'] as const;
export type Scene = (typeof SCENES)[number];

/** What happens in a scene, and the response of the server if there is one. */
export interface SceneStep {
  name: 'cookie-copied' | 'log' | 'pace' | 'profile-copied' | 'hour' | 'thief' | 'thief-again' | 'owner' | 'fork' | 'lost' | 'back';
  status?: number | null;
  code?: string | null;
}

export type Outcome = 'worthless' | 'found' | 'still-in' | 'unlinked' | 'unexpected' | 'failed';

export interface Played {
  scene: Scene | null;
  steps: SceneStep[];
  /** Null while the scene is being played. */
  outcome: Outcome | null;
}

/** In `sessionStorage` while the page is opened again: the steps so far, and the journal. */
const KEY = 'demo.scene';
/** A chain of links grows at most this often. */
const PACE = 15;
const HOUR = 3_600;
/** To read a step before the next one comes. */
const READ_MS = 900;

export function createScenes(config: Config, client: AuthClient, journal: Journal, wire: Wire, mend: () => void) {
  const thief = createThief(config, journal);
  const listeners = new Set<() => void>();
  let played: Played = { scene: null, steps: [], outcome: null };
  const kept = takeKept();
  if (kept) {
    played = { ...played, scene: 'silence', steps: kept.steps };
    journal.restore(kept.journal);
  }

  function set(change: Partial<Played>) {
    played = { ...played, ...change };
    listeners.forEach((listener) => listener());
  }

  async function tell(step: SceneStep) {
    set({ steps: [...played.steps, step] });
    await new Promise((resolve) => setTimeout(resolve, READ_MS));
  }

  /** Refreshes as the owner, and returns the status. The client may have done so already. */
  async function refresh(): Promise<number | null> {
    if (isLoggedIn()) await client.refresh().catch(() => {});
    return wire.getLastRefresh();
  }

  const isLoggedIn = () => client.getState().status === 'authenticated';

  const scenes = {
    async cookie(): Promise<Outcome> {
      await tell({ name: 'cookie-copied' });
      const stolen = await thief.refresh();
      await tell({ name: 'thief', ...stolen });
      if (stolen.code === 'link_required') await tell({ name: 'log' });
      const status = await refresh();
      await tell({ name: 'owner', status });
      return stolen.code === 'link_required' && status === 200 && isLoggedIn() ? 'worthless' : 'unexpected';
    },

    async profile(): Promise<Outcome> {
      await tell({ name: 'profile-copied' });
      await thief.advance(PACE);
      // The client may refresh at any time: nothing comes between the copy and its use.
      const copy = { prev: (await readLinks())[0]!, next: drawLink() };
      const stolen = await thief.refresh(copy);
      await tell({ name: 'pace' });
      await tell({ name: 'thief', ...stolen });
      await tell({ name: 'fork', status: await refresh() });
      const again = await thief.refresh(copy);
      await tell({ name: 'thief-again', ...again });
      return stolen.status === 200 && again.status === 401 && !isLoggedIn() ? 'found' : 'unexpected';
    },

    /** Ends with a new page, which `resume` continues. */
    async silence(): Promise<null> {
      const loss = wire.loseResponse();
      await thief.advance(PACE);
      client.refresh().catch(() => {});
      const status = await loss;
      journal.add({ kind: 'lost', status }, 'page', { simulated: true });
      await tell({ name: 'pace' });
      await tell({ name: 'lost', status });
      await thief.advance(HOUR);
      await tell({ name: 'hour' });
      sessionStorage.setItem(KEY, JSON.stringify({ steps: played.steps, journal: journal.get() }));
      location.reload();
      return null;
    },
  };

  return {
    get: () => played,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async play(scene: Scene) {
      if (!isLoggedIn() || (played.scene && !played.outcome)) return;
      set({ scene, steps: [], outcome: null });
      mend();
      const isLinked = (await readLinks()).length > 0;
      set({ outcome: isLinked ? await scenes[scene]().catch(() => 'failed' as const) : 'unlinked' });
      if (played.outcome === 'failed') wire.reconnect();
    },
    /** Call this when the page has started. */
    async resume() {
      if (!kept) return;
      const status = wire.getLastRefresh() ?? (await refresh());
      await tell({ name: 'back', status });
      set({ outcome: status === 200 && isLoggedIn() ? 'still-in' : 'unexpected' });
    },
  };
}

function takeKept() {
  const kept = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  return kept ? (JSON.parse(kept) as { steps: SceneStep[]; journal: Records }) : null;
}
