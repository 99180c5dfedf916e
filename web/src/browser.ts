/** Browser functions, with fallbacks for old browsers: randomness, timeouts and JSON. */

export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** 256 random bits, unless another number of bytes is given. */
export function random(bytes = 32): string {
  return base64url(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** How long a credential may be resent. The API repeats its response for its `RotationWindow`: 30 s from the first request. */
export const REPEAT_MS = 25_000;

/** `AbortSignal.timeout`, which exists since Safari 16, Chrome 103 and Firefox 100. */
export function timeout(ms: number): AbortSignal {
  if ('timeout' in AbortSignal) return AbortSignal.timeout(ms);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), ms);
  return controller.signal;
}

/** Undefined if `text` is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
