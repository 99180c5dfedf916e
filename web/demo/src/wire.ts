/** Stands between the client and the network: measures every request, and breaks some of them when told to. */

/** One request and what became of it. */
export interface Trip {
  method: string;
  path: string;
  /** Null if there was no answer. */
  status: number | null;
  ms: number;
  /** Answered in this page; the server knows nothing of it. */
  simulated: boolean;
  /** The client sends it for the second time, after a 401. */
  retry: boolean;
}

export const FAULTS = ['offline', 'unavailable'] as const;
export type Fault = (typeof FAULTS)[number];
export type Faults = Readonly<Record<Fault, boolean>>;

/** The routes that live by the cookie. An expired access token is nothing to them. */
const AUTH_ROUTES = ['/auth/kakao', '/auth/refresh', '/auth/logout'];
/** Kept over a reload of this tab, so that one can be tried too. */
const KEY = 'demo.faults';

export type Wire = ReturnType<typeof createWire>;

export function createWire(record: (trip: Trip) => void) {
  const listeners = new Set<() => void>();
  let faults = remembered();
  let expired: string | null = null;
  let isRetry = false;

  /** An answer of this page, or null to let the request go. */
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
    const { pathname: path } = new URL(request.url);
    const trip = { method: request.method, path, retry: isRetry };
    isRetry = false;
    const began = performance.now();
    const done = (status: number | null, simulated: boolean) =>
      record({ ...trip, status, simulated, ms: Math.round(performance.now() - began) });
    try {
      const answer = simulate(request, path);
      if (answer) {
        // Even the fastest network answers in a later task.
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
    /** From now on this access token is answered 401, as if its time were up. */
    expire: (token: string) => void (expired = token),
    /** The next request is a retry: the client says so before it sends it. */
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
