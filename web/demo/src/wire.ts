/** The client's `fetch`: measures every request, and simulates a lost network and expired tokens. */

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

const REFRESH = '/auth/refresh';
/** The routes that use the cookie. An expired access token does not affect them. */
const AUTH_ROUTES = ['/auth/kakao', REFRESH, '/auth/logout'];

export type Wire = ReturnType<typeof createWire>;

export function createWire(isOffline: () => boolean, record: (trip: Trip) => void) {
  let expired: string | null = null;
  let isRetry = false;
  /** Gets the status of the response that is thrown away. */
  let onLoss: ((status: number) => void) | null = null;
  /** Since a response was thrown away. */
  let isCut = false;
  let lastRefresh: number | null = null;

  /** A simulated response, or null to send the request. */
  function simulate(request: Request, path: string): Response | null {
    const isAuth = AUTH_ROUTES.includes(path);
    if (isOffline() || isCut) throw new TypeError('Failed to fetch (simulated)');
    const token = request.headers.get('authorization')?.replace('Bearer ', '');
    if (!isAuth && token && token === expired) {
      return Response.json({ code: 'token_not_valid', detail: 'Simulated by the demo page.' }, { status: 401 });
    }
    return null;
  }

  async function send(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    // Without the id of a session.
    const path = new URL(request.url).pathname.replace(/^(\/auth\/sessions\/).+/, '$1…');
    const trip = { method: request.method, path, retry: isRetry };
    isRetry = false;
    const began = performance.now();
    let isSent = false;
    const done = (status: number | null, simulated: boolean) => {
      if (path === REFRESH) lastRefresh = status;
      record({ ...trip, status, simulated, ms: Math.round(performance.now() - began) });
    };
    try {
      const answer = simulate(request, path);
      if (answer) {
        // A real response also arrives in a later task.
        await new Promise((resolve) => setTimeout(resolve));
        done(answer.status, true);
        return answer;
      }
      isSent = true;
      const response = await fetch(request);
      if (path === REFRESH && onLoss && !isCut) {
        onLoss(response.status);
        isCut = true;
        throw new TypeError('Failed to fetch (simulated)');
      }
      done(response.status, false);
      return response;
    } catch (error) {
      done(null, !isSent);
      throw error;
    }
  }

  return {
    fetch: send,
    /** From now on, calls with this access token get a 401, as if it had expired. */
    expire: (token: string) => void (expired = token),
    /** Marks the next request as a retry: the client emits `retried` before it sends one. */
    expectRetry: () => void (isRetry = true),
    /** Throws away the response to the next refresh, and resolves to its status. From then on there is no network. */
    loseResponse: () => new Promise<number>((resolve) => (onLoss = resolve)),
    reconnect: () => void ([onLoss, isCut] = [null, false]),
    /** The status of the last refresh; null if there was none, or no response. */
    getLastRefresh: () => lastRefresh,
  };
}
