/** Says on a developer's console what to change after a failure. Loaded on a development machine only, or with `debug`. */

import type { AuthError } from './types.js';

const said = new Set<string>();

/** `base` is the address of the API. Each remedy is said once. */
export async function explain(error: AuthError, http: typeof fetch, base: string): Promise<void> {
  const remedy = await find(error, http, base);
  if (!remedy || said.has(remedy)) return;
  said.add(remedy);
  console.warn(`kakao-login-web: ${error.message}\n${remedy}`);
}

async function find({ code, status, apiCode, detail, cause }: AuthError, http: typeof fetch, base: string): Promise<string | undefined> {
  const origin = globalThis.location?.origin;
  if (globalThis.isSecureContext === false) {
    return `${origin} is not a secure context: browsers keep no session there and have no crypto.subtle. Open the page over https or on http://localhost.`;
  }
  if (apiCode === 'origin_not_allowed') return allow(origin);
  if (/redirect_uri/.test(detail)) {
    return "The API does not know `kakao.redirectUri`. Add it to the stack's parameter RedirectUris, and register it at Kakao, spelt in the same way.";
  }
  if (code === 'state') {
    return `This browser did not start this login at ${origin}. Does \`kakao.redirectUri\` have the origin of the page that called login()? 127.0.0.1 is not localhost.`;
  }
  if (code !== 'unavailable') return undefined;
  if (status === 0) return explainSilence(cause as Error | undefined, http, base);
  const isApis = apiCode || status === 429 || status > 499;
  return isApis ? undefined : `${base} responds with ${status}, but not as the API does. Is \`baseUrl\` the address of the API?`;
}

async function explainSilence(cause: Error | undefined, http: typeof fetch, base: string): Promise<string | undefined> {
  const origin = globalThis.location?.origin;
  if (/import|module|chunk/i.test(cause?.message ?? '')) {
    return 'A part of the library could not be loaded. Keep the files of the previous version for a while when you deploy.';
  }
  const silence = `There is no response from ${base}. Is \`baseUrl\` right, and does the API run?`;
  // A timeout, or an app.
  if (cause?.name !== 'TypeError' || !origin) return silence;
  if (origin.startsWith('https:') && base.startsWith('http:')) return `A page on https may not call ${base}. Give the API https.`;
  if (base.startsWith(origin)) return silence;
  // A browser does not say why it keeps a response from a page. Without CORS it says whether there is one.
  const isThere = await http(`${base}/auth/kakao`, { mode: 'no-cors', credentials: 'omit', cache: 'no-store' }).then(
    () => true,
    () => false,
  );
  return isThere ? allow(origin) : silence;
}

const allow = (origin: string | undefined) => `The API does not accept calls from ${origin}. Add ${origin} to the stack's parameter AllowedOrigins.`;
