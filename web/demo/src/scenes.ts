/** The scenes about sessions and keys. The local command plays the thief and the other service, and this page the owner. */

import type { AuthClient } from 'kakao-login-web';
import type { Config } from './config.js';
import type { Journal, Records } from './journal.js';
import type { LogLine } from './log.js';
import { createStage } from './stage.js';
import { drawLink, readLinks } from './stored-links.js';
import type { Wire } from './wire.js';

const LINKED_SCENES = ['cookie', 'profile', 'silence'] as const;
export type Scene = (typeof LINKED_SCENES)[number] | 'keys';

/** Whose step it is. Steps of the server are about all. */
export type Side = 'owner' | 'thief' | 'service' | 'server';

export const SIDES = {
  'cookie-copied': 'thief', 'profile-copied': 'thief', pace: 'server', thief: 'thief', 'thief-again': 'thief', log: 'server', owner: 'owner', fork: 'owner',
  lost: 'owner', hour: 'server', back: 'owner',
  'key-before': 'owner', accepts: 'service', published: 'server', 'key-same': 'owner', 'keys-cached': 'service', active: 'server', 'key-after': 'owner', 'accepts-new': 'service',
} as const satisfies Record<string, Side>;

/** What happens in a scene, and the response of the server, the key of a token or the line of the log if there is one. */
export interface SceneStep {
  name: keyof typeof SIDES;
  status?: number | null;
  code?: string | null;
  kid?: string;
  log?: LogLine;
}

export type Outcome = 'worthless' | 'found' | 'still-in' | 'rotated' | 'unlinked' | 'unexpected' | 'failed';

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

export function createScenes(config: Config, client: AuthClient, journal: Journal, wire: Wire, mend: () => Promise<void>) {
  const stage = createStage(config, journal);
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

  /** Tells the log's line of an event since `seen`, and returns whether there is one. */
  async function tellLog(seen: number, event: string): Promise<boolean> {
    const line = (await stage.log(seen)).lines.find((line) => line.event === event);
    if (line) await tell({ name: 'log', log: line });
    return line !== undefined;
  }

  /** A new access token, and the ID of the key that signed it. */
  async function freshToken() {
    await refresh();
    const token = await client.getToken();
    if (!token) throw new Error('logged out');
    return { token, kid: kidOf(token) };
  }

  const scenes = {
    async cookie(): Promise<Outcome> {
      const { count } = await stage.log();
      await tell({ name: 'cookie-copied' });
      const stolen = await stage.steal();
      await tell({ name: 'thief', ...stolen });
      const isLogged = await tellLog(count, 'refresh_unlinked');
      const status = await refresh();
      await tell({ name: 'owner', status });
      return stolen.code === 'link_required' && isLogged && status === 200 && isLoggedIn() ? 'worthless' : 'unexpected';
    },

    async profile(): Promise<Outcome> {
      const { count } = await stage.log();
      await tell({ name: 'profile-copied' });
      await stage.advance(PACE);
      // The client may refresh at any time: nothing comes between the copy and its use.
      const copy = { prev: (await readLinks())[0]!, next: drawLink() };
      const stolen = await stage.steal(copy);
      await tell({ name: 'pace' });
      await tell({ name: 'thief', ...stolen });
      await tell({ name: 'fork', status: await refresh() });
      const isLogged = await tellLog(count, 'refresh_reuse');
      const again = await stage.steal(copy);
      await tell({ name: 'thief-again', ...again });
      return stolen.status === 200 && again.status === 401 && isLogged && !isLoggedIn() ? 'found' : 'unexpected';
    },

    /** Ends with a new page, which `resume` continues. */
    async silence(): Promise<null> {
      const loss = wire.loseResponse();
      await stage.advance(PACE);
      client.refresh().catch(() => {});
      const status = await loss;
      journal.add({ kind: 'lost', status }, 'page', { simulated: true });
      await tell({ name: 'pace' });
      await tell({ name: 'lost', status });
      await stage.advance(HOUR);
      await tell({ name: 'hour' });
      sessionStorage.setItem(KEY, JSON.stringify({ steps: played.steps, journal: journal.get() }));
      location.reload();
      return null;
    },

    async keys(): Promise<Outcome> {
      const before = await freshToken();
      await tell({ name: 'key-before', kid: before.kid });
      const first = await stage.service(before.token);
      await tell({ name: 'accepts', ...first });
      const signsAfter = await stage.rotateKeys();
      await tell({ name: 'published' });
      await stage.advance(HOUR);
      const same = await freshToken();
      await tell({ name: 'key-same', kid: same.kid });
      const second = await stage.service(same.token);
      await tell({ name: 'keys-cached', ...second });
      await stage.advance(signsAfter - HOUR);
      await tell({ name: 'active' });
      const after = await freshToken();
      await tell({ name: 'key-after', kid: after.kid });
      const last = await stage.service(after.token);
      await tell({ name: 'accepts-new', ...last });
      const isAccepted = [first, second, last].every(({ status }) => status === 200);
      return isAccepted && same.kid === before.kid && after.kid !== before.kid && isLoggedIn() ? 'rotated' : 'unexpected';
    },
  };

  return {
    all: [...(config.scenes ? LINKED_SCENES : []), ...(config.keys ? (['keys'] as const) : [])] as Scene[],
    get: () => played,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async play(scene: Scene) {
      if (!isLoggedIn() || (played.scene && !played.outcome)) return;
      set({ scene, steps: [], outcome: null });
      const isReady = scene === 'keys' || (await readLinks()).length > 0;
      const run = async () => {
        await mend();
        return isReady ? scenes[scene]() : 'unlinked';
      };
      set({ outcome: await run().catch(() => 'failed' as const) });
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

function kidOf(token: string): string {
  const [header = ''] = token.split('.');
  return (JSON.parse(atob(header.replace(/-/g, '+').replace(/_/g, '/'))) as { kid: string }).kid;
}

function takeKept() {
  const kept = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  return kept ? (JSON.parse(kept) as { steps: SceneStep[]; journal: Records }) : null;
}
