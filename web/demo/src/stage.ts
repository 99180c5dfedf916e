/** What the local command does for the scenes: the thief, who gets this page's cookies, the clock, the keys and another service. */

import type { Config } from './config.js';
import type { Journal } from './journal.js';
import type { LogLine } from './log.js';

export function createStage(config: Config, journal: Journal) {
  async function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(config.api + path, { credentials: 'include', cache: 'no-store', ...init });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response;
  }

  const post = (path: string, content: object) =>
    ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(content) });

  return {
    /** Refreshes on another computer with the cookie of this browser, and with these links if any. */
    async steal(link?: { prev: string; next: string }) {
      const began = performance.now();
      const response = await post('/demo/thief', { link });
      const { status, code } = (await response.json()) as { status: number; code: string | null };
      const ms = Math.round(performance.now() - began);
      journal.add({ kind: 'thief', hasLinks: !!link, status, code }, 'thief', { ms });
      return { status, code };
    },

    /** Sets the server's clock ahead. */
    async advance(seconds: number) {
      await post('/demo/clock', { seconds });
      journal.add({ kind: 'clock', seconds }, 'page', { simulated: true });
    },

    /** Rotates the signing key, and returns after how many seconds the new one signs. */
    async rotateKeys(): Promise<number> {
      const response = await post('/demo/keys', {});
      journal.add({ kind: 'keys-rotated' }, 'network');
      return ((await response.json()) as { signs_after: number }).signs_after;
    },

    /** Calls another service with an access token. It verifies the token with public keys that it has cached. */
    async service(token: string) {
      const response = await ask('/demo/service', { headers: { authorization: `Bearer ${token}` } });
      const { status, kid } = (await response.json()) as { status: number; kid: string };
      journal.add({ kind: 'service', status }, 'service');
      return { status, kid };
    },

    /** The lines of the log after the first `seen`, or none, and how many there are. */
    async log(seen = Number.MAX_SAFE_INTEGER) {
      const response = await ask(`/demo/log?since=${seen}`);
      return (await response.json()) as { count: number; lines: LogLine[] };
    },
  };
}
