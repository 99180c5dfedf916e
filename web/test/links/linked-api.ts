/** The scripted API with linked sessions, by the rules of `shared/src/session/linked.rs`. */

import { answer, type Call, networkError, refusal, scriptedApi, sessionOver } from '../scripted.js';

export const LOGIN = '/auth/kakao';
export const REFRESH = '/auth/refresh';
export const LOGOUT = '/auth/logout';
/** How old the head of a chain has to be. */
const PACE_MS = 15_000;

interface Chain {
  subject: string;
  /** Raw links, the login's first. */
  links: string[];
  grownAt: number;
  isLinked: boolean;
  /** How often the refresh token has been replaced, if it is sent in the body and the session is not linked. */
  turn?: number;
}

interface Links {
  prev?: string;
  next: string;
}

/** What the API does with a request, and what becomes of its response. */
type Step = (serve: () => Served) => Response | Promise<Response>;
interface Served {
  response: Response;
  /** The cookie that it sets; undefined if none. */
  cookie?: string | null;
}

const base64url = (bytes: number[]) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const bytes = (text: string) => [...atob(text.replace(/-/g, '+').replace(/_/g, '/'))].map((char) => char.charCodeAt(0));

/** Number, link and a tag, which stands for the session here. */
export const confirmed = (sid: string, number: number, link: string) =>
  base64url([...new Uint8Array([0, 0, number >> 8, number]), ...bytes(link), ...[...sid.padEnd(16).slice(0, 16)].map((char) => char.charCodeAt(0))]);

export function read(text: string) {
  const all = bytes(text);
  return { number: all[2]! * 256 + all[3]!, link: base64url(all.slice(4, 20)), sid: String.fromCharCode(...all.slice(20)).trim() };
}

/** A refresh token of the body transport. */
const tokenOf = (sid: string, turn = 0) => `${sid}.${turn}.`.padEnd(120, '0');
const sidOf = (token: string | undefined) => token?.split('.')[0];

export function linkedApi() {
  let serial = 0;
  const chains = new Map<string, Chain>();
  const sessionOfCode = new Map<string, string>();
  const steps: [string, Step][] = [];
  const api = Object.assign(scriptedApi(), {
    chains,
    /** The session of the cookie. */
    sid: null as string | null,
    /** Whether logins are linked. */
    links: true,
    /** What happens to the next requests to this path, one after the other. */
    next: (path: string, ...those: Step[]) => steps.push(...those.map((step): [string, Step] => [path, step])),
    /** Nothing happens to the next requests. */
    calm: () => void (steps.length = 0),
    sent: (path: string) => api.calls.filter((call) => call.path === path).map(({ body }) => JSON.parse(body) as { link?: Links & string }),
    /** The chain grows by links that this browser does not know: a copy is used. */
    grow: (sid: string, ...links: string[]) => chains.get(sid)!.links.push(...links),
    /** Enough time passes for each chain to grow. */
    pass: () => chains.forEach((chain) => (chain.grownAt -= PACE_MS)),
    /** A session that another browser, or an earlier version of this one, has begun. */
    begin(sid: string, chain: Partial<Chain> = {}) {
      chains.set(sid, { subject: 'ryan', links: ['AAAAAAAAAAAAAAAAAAAAAA'], grownAt: Date.now() - PACE_MS, isLinked: true, ...chain });
      return sid;
    },
  });

  /** With `refresh`, the body has the next refresh token. */
  function granted(sid: string, link?: string, refresh?: string): Served {
    const more = { ...(link && { link }), ...(refresh && { refresh, refresh_expiration: '2027-11-26T00:00:00Z' }) };
    return { response: api.granted(chains.get(sid)!.subject, sid, more) };
  }

  function logIn({ body }: Call): Served {
    const { code, access_token: token, link, transport } = JSON.parse(body) as Record<string, string>;
    const known = code && sessionOfCode.get(code);
    if (known && chains.get(known)?.links[0] !== link) return { response: refusal('kakao_rejected') };
    const isLinked = !!link && api.links;
    const sid = known || `session-${++serial}`;
    if (!known) chains.set(sid, { subject: (code ?? token)!, links: [link!], grownAt: Date.now(), isLinked });
    if (code) sessionOfCode.set(code, sid);
    if (transport === 'body') return granted(sid, isLinked ? confirmed(sid, 0, link) : undefined, tokenOf(sid));
    if (api.sid && api.sid !== sid) chains.delete(api.sid);
    return { ...granted(sid, isLinked ? confirmed(sid, 0, link) : undefined), cookie: sid };
  }

  function judge(sid: string, { links, grownAt }: Chain, link: Links | undefined): 'grow' | 'repeat' | 'kept' | 'fork' | 'stale' | 'required' | 'over' {
    const head = links.length - 1;
    const isYoung = Date.now() - grownAt < PACE_MS;
    if (!link) return 'required';
    if (!link.prev) {
      if (head === 0 && link.next === links[0]) return 'repeat';
      return head === 1 && link.next === links[0] && isYoung ? 'kept' : 'required';
    }
    const prev = read(link.prev);
    if (prev.sid !== sid) return 'required';
    const behind = head - prev.number;
    if (prev.link !== links[prev.number] && behind < 2) return 'over';
    if (behind === 0) return isYoung ? 'kept' : 'grow';
    if (behind === 1) return link.next === links[head] ? 'repeat' : 'fork';
    return behind === 2 && link.next === links[head - 1] && isYoung ? 'kept' : 'stale';
  }

  function refresh({ body }: Call): Served {
    const { link, refresh: token } = JSON.parse(body) as { link?: Links; refresh?: string };
    const sid = sidOf(token) ?? api.sid;
    const chain = sid && chains.get(sid);
    if (!chain) return { response: sessionOver() };
    if (!chain.isLinked && token) return rotate(sid, chain, token);
    if (!chain.isLinked) return granted(sid);
    const verdict = judge(sid, chain, link);
    if (verdict === 'fork') chains.delete(sid);
    if (verdict === 'fork' || verdict === 'over') return { response: sessionOver() };
    if (verdict === 'required') return { response: answer(403, { code: 'link_required', detail: 'No.', session: sid }) };
    if (verdict === 'stale') return { response: answer(409, { code: 'link_stale', detail: 'No.' }) };
    if (verdict === 'kept') return granted(sid);
    if (verdict === 'grow') Object.assign(chain, { links: [...chain.links, link!.next], grownAt: Date.now() });
    return granted(sid, confirmed(sid, chain.links.length - 1, link!.next));
  }

  /** A token is accepted again until its successor has been used. */
  function rotate(sid: string, chain: Chain, token: string): Served {
    const turn = chain.turn ?? 0;
    if (token === tokenOf(sid, turn)) chain.turn = turn + 1;
    else if (token !== tokenOf(sid, turn - 1)) return chains.delete(sid), { response: sessionOver() };
    return granted(sid, undefined, tokenOf(sid, chain.turn));
  }

  function logOut({ body, path }: Call): Served {
    const { refresh: token, link } = JSON.parse(body) as { link?: Links; refresh?: string };
    const sid = sidOf(token) ?? api.sid;
    const chain = sid && chains.get(sid);
    const all = path.endsWith('?scope=all');
    if (chain && chain.isLinked && path.includes('?')) {
      const verdict = judge(sid, chain, link);
      if (verdict === 'required') return { response: answer(403, { code: 'link_required', detail: 'No.', session: sid }) };
    }
    if (all) chains.clear();
    else if (path.endsWith('others')) [...chains.keys()].forEach((other) => other !== sid && chains.delete(other));
    else if (sid) chains.delete(sid);
    const response = answer(200, { detail: 'Successfully logged out.' });
    return path.endsWith('others') || token ? { response } : { response, cookie: null };
  }

  const usual = { [LOGIN]: logIn, [REFRESH]: refresh, [LOGOUT]: logOut, [`${LOGOUT}?scope=all`]: logOut, [`${LOGOUT}?scope=others`]: logOut };
  for (const [path, serve] of Object.entries(usual)) {
    api.instead.set(path, (call) => {
      const index = steps.findIndex(([wanted]) => wanted === path);
      const step = index < 0 ? arrives : steps.splice(index, 1)[0]![1];
      return step(() => serve(call));
    });
  }

  function arrives(serve: () => Served): Response {
    const { response, cookie } = serve();
    if (cookie !== undefined) api.sid = cookie;
    return response;
  }
  /** The API gets no request. */
  const requestLost: Step = () => networkError();
  /** The page gets no response. */
  const responseLost: Step = (serve) => (serve(), networkError());
  /** The browser gets the cookie, and the page no response. */
  const bodyLost: Step = (serve) => (arrives(serve), networkError());
  return Object.assign(api, { arrives, requestLost, responseLost, bodyLost });
}

export type LinkedApi = ReturnType<typeof linkedApi>;

/** A response that arrives when `release` is called. */
export function held(serve: (of: () => Served) => Response) {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const step: Step = async (of) => {
    const response = serve(of);
    await released;
    return response;
  };
  return { step, release };
}
