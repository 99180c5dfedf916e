/** What the local command does for the scenes. It gets this page's cookies, which scripts cannot read. */

import type { Config } from './config.js';
import type { Journal } from './journal.js';

export function createThief(config: Config, journal: Journal) {
  async function post(path: string, content: object): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    const init: RequestInit = { method: 'POST', headers, body: JSON.stringify(content), credentials: 'include' };
    const response = await fetch(config.api + path, init);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response;
  }

  return {
    /** Refreshes on another computer with the cookie of this browser, and with these links if any. */
    async refresh(link?: { prev: string; next: string }) {
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
  };
}
