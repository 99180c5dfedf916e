/** What can be broken: the network of this page, which is simulated, and the server, which is not. */

import type { Config } from './config.js';

/** On the server. They are real, and the same for every tab and browser. */
const SERVER_FAULTS = ['auth', 'kakao'] as const;
type ServerFault = (typeof SERVER_FAULTS)[number];
export type Fault = 'offline' | ServerFault;
export type Faults = Readonly<Record<Fault, boolean>>;

/** In `sessionStorage`, so that being offline outlasts a reload of the tab. */
const KEY = 'demo.offline';

export type FaultBox = ReturnType<typeof createFaults>;

export function createFaults(config: Config) {
  const listeners = new Set<() => void>();
  let faults: Faults = { offline: sessionStorage.getItem(KEY) !== null, auth: false, kakao: false, ...config.faults };

  function change(change: Partial<Faults>) {
    faults = { ...faults, ...change };
    listeners.forEach((listener) => listener());
  }

  return {
    /** Those that this page can switch: without the stand-in for Kakao, only its own network. */
    all: ['offline', ...(config.faults ? SERVER_FAULTS : [])] as Fault[],
    get: () => faults,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /** Resolves when the server has done it. */
    async set(fault: Fault, on: boolean) {
      if (fault === 'offline') {
        if (on) sessionStorage.setItem(KEY, 'yes');
        else sessionStorage.removeItem(KEY);
        return change({ offline: on });
      }
      const { auth, kakao }: Faults = { ...faults, [fault]: on };
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${config.api}/demo/faults`, { method: 'POST', headers, body: JSON.stringify({ auth, kakao }) });
      if (!response.ok) throw new Error(`/demo/faults: ${response.status}`);
      change((await response.json()) as Partial<Faults>);
    },
    /** Another tab or browser may have switched the server's. */
    know: (server: Config['faults']) => change(server ?? {}),
  };
}
