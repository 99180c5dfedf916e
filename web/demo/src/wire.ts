/** The client's `fetch`: measures every request, and simulates faults. */

/** A request and its outcome. */
export interface Trip {
  method: string;
  path: string;
  /** Null if there was no response. */
  status: number | null;
  ms: number;
  /** Simulated by this page and not sent to the server. */
  simulated: boolean;
  /** Sent for the second time, after a 401. */
  retry: boolean;
}

export const FAULTS = ['offline', 'unavailable'] as const;
export type Fault = (typeof FAULTS)[number];
export type Faults = Readonly<Record<Fault, boolean>>;

/** The routes that use the cookie. An expired access token does not affect them. */
const AUTH_ROUTES = ['/auth/kakao', '/auth/refresh', '/auth/logout'];
/** In `sessionStorage`, so that faults outlast a reload of the tab. */
const KEY = 'demo.faults';

export type Wire = ReturnType<typeof createWire>;

export function createWire(record: (trip: Trip) => void) {
  const listeners = new Set<() => void>();
  let faults = remembered();
  let expired: string | null = null;
  let isRetry = false;

  /** A simulated response, or null to send the request. */
  function simulate(request: Request, path: string): Response | null {
    const isAuth = AUTH_ROUTES.includes(path);
    if (faults.offline) throw new TypeError('Failed to fetch (simulated)');
    if (isAuth && faults.unavailable) return refusal(503, 'unavailable', { 'retry-after': '1' });
    const token = request.headers.get('authorization')?.replace('Bearer ', '');
    if (!isAuth && token && token === expired) return refusal(401, 'token_not_valid');
    return null;
  }

  async function send(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    // Without the id of a session.
    const path = new URL(request.url).pathname.replace(/^(\/auth\/sessions\/).+/, '$1…');
    const trip = { method: request.method, path, retry: isRetry };
    isRetry = false;
    const began = performance.now();
    const done = (status: number | null, simulated: boolean) =>
      record({ ...trip, status, simulated, ms: Math.round(performance.now() - began) });
    try {
      const answer = simulate(request, path);
      if (answer) {
        // A real response also arrives in a later task.
        await new Promise((resolve) => setTimeout(resolve));
        done(answer.status, true);
        return answer;
      }
      const response = await fetch(request);
      done(response.status, false);
      return response;
    } catch (error) {
      done(null, faults.offline);
      throw error;
    }
  }

  return {
    fetch: send,
    /** From now on, calls with this access token get a 401, as if it had expired. */
    expire: (token: string) => void (expired = token),
    /** Marks the next request as a retry: the client emits `retried` before it sends one. */
    expectRetry: () => void (isRetry = true),
    getFaults: () => faults,
    setFault(fault: Fault, on: boolean) {
      faults = { ...faults, [fault]: on };
      sessionStorage.setItem(KEY, JSON.stringify(faults));
      listeners.forEach((listener) => listener());
    },
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function refusal(status: number, code: string, headers: Record<string, string> = {}): Response {
  return Response.json({ code, detail: 'Simulated by the demo page.' }, { status, headers });
}

function remembered(): Faults {
  const none = { offline: false, unavailable: false };
  try {
    return { ...none, ...(JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Partial<Faults>) };
  } catch {
    return none;
  }
}
