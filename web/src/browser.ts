//! What the browser lends: a random source, flags that outlive the page, and turns between tabs.

export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** 256 random bits. */
export function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** base64url(SHA-256(text)): S256 of RFC 7636 §4.2, and how the API expects a nonce at Kakao. */
export async function digest(text: string): Promise<string> {
  // Absent outside of secure contexts, whatever the type says.
  if (!(crypto.subtle as SubtleCrypto | undefined)) throw new Error('login() needs https or localhost: this page has no crypto.subtle');
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))));
}

/** How long a credential may be sent again. The API repeats its response for its `RotationWindow`, 30 s from when it first saw the credential. */
export const REPEAT_MS = 25_000;

/** `AbortSignal.timeout`, which Safari has since 16, Chrome since 103 and Firefox since 100. */
export function timeout(ms: number): AbortSignal {
  if ('timeout' in AbortSignal) return AbortSignal.timeout(ms);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), ms);
  return controller.signal;
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Flags in a storage. Where a browser refuses it they last as long as the page, and `get` returns undefined for none. */
export function flags(prefix: string, storage: 'localStorage' | 'sessionStorage' = 'localStorage') {
  const refused = new Map<string, string>();
  return {
    get(name: string): string | null | undefined {
      try {
        return refused.get(name) ?? window[storage].getItem(prefix + name);
      } catch {
        return undefined;
      }
    },
    set(name: string, value: string | null) {
      refused.delete(name);
      try {
        if (value === null) window[storage].removeItem(prefix + name);
        else window[storage].setItem(prefix + name, value);
      } catch {
        if (value) refused.set(name, value);
      }
    },
  };
}

/**
 * One at a time among all tabs, as far as the browser can. It never steals a turn and never waits for one for ever: after
 * `patienceMs` it goes ahead. The API settles what collides then; turns only save requests.
 */
export function turns(name: string, patienceMs: number) {
  let tail: Promise<unknown> = Promise.resolve();
  return async <T>(work: (waited: boolean) => Promise<T>): Promise<T> => {
    const { locks } = navigator;
    // Only a secure context has them, whatever the type says.
    if (!(locks as LockManager | undefined)) {
      const turn = tail.then(() => work(false));
      tail = turn.catch(() => {});
      return turn;
    }
    let began = false;
    const begin = (waited: boolean) => {
      began = true;
      return work(waited);
    };
    try {
      const atOnce = await locks.request(name, { ifAvailable: true }, async (lock) => lock && { result: await begin(false) });
      if (atOnce) return atOnce.result;
      return await locks.request(name, { signal: timeout(patienceMs) }, () => begin(true));
    } catch (error) {
      if (began) throw error;
      return begin(true);
    }
  };
}

/**
 * Tells a new tab whether another one can hand its token over. A tab that can holds a lock. It must let go when it no longer can and
 * when the page is left, as browsers neither keep a page with a lock for Back nor freeze it.
 */
export function handOver(name: string) {
  const offer = `${name}.token`;
  let withdraw: (() => void) | undefined;
  return {
    offer(isOffered: boolean) {
      if (isOffered === !!withdraw) return;
      withdraw?.();
      withdraw = undefined;
      if (!isOffered) return;
      const withdrawn = new Promise<void>((resolve) => (withdraw = resolve));
      (navigator.locks as LockManager | undefined)?.request(offer, { mode: 'shared' }, () => withdrawn).catch(() => {});
    },
    /** Whether a tab has a token, or is asking for one in its turn. True where the browser does not say. */
    async isLikely(): Promise<boolean> {
      try {
        const { held } = await navigator.locks.query();
        return held!.some((lock) => lock.name === name || lock.name === offer);
      } catch {
        return true;
      }
    },
  };
}
