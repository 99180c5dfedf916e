/** The browsers inside other apps, and the way out of them. */

export type InApp = 'kakaotalk' | 'naver' | 'instagram' | 'facebook' | 'line' | 'other';

/** What their user agents contain. An Android web view says `wv`, and one on iOS leaves out `Safari`. */
const AGENTS: [InApp, RegExp][] = [
  ['kakaotalk', /KAKAOTALK/],
  ['naver', /NAVER\(inapp/],
  ['instagram', /Instagram/],
  ['facebook', /FB(AN|AV|_IAB)\b/],
  ['line', /\bLine\//],
  ['other', /; wv\)|(iPhone|iPad|iPod)(?!.*Safari\/)|DaumApps|KAKAOSTORY|everytimeApp|\bBAND\//],
];

/** The app in whose browser this page is, or null in a browser of its own. */
export function inAppBrowser(userAgent = navigator.userAgent): InApp | null {
  return AGENTS.find(([, pattern]) => pattern.test(userAgent))?.[0] ?? null;
}

/**
 * Opens this page, or another one, in the phone's own browser. Call it when the user has asked for it. Returns false if there is no way:
 * outside of an app, and in most apps on iOS, whose menu has an entry for it. Nobody is logged in in the other browser.
 */
export function openExternal(url = location.href): boolean {
  const address = externalAddress(url, navigator.userAgent);
  if (address) location.assign(address);
  return !!address;
}

/** The address that makes the app with this user agent open the page elsewhere. */
export function externalAddress(url: string, userAgent: string): string | null {
  const page = new URL(url, location.href);
  // Another scheme could start another app, or a script.
  if (!/^https?:$/.test(page.protocol)) return null;
  const app = inAppBrowser(userAgent);
  if (app === 'kakaotalk') return `kakaotalk://web/openExternal?url=${encodeURIComponent(page.href)}`;
  if (app === 'line') {
    page.searchParams.set('openExternalBrowser', '1');
    return page.href;
  }
  if (!app || !userAgent.includes('Android')) return null;
  const rest = page.href.slice(page.protocol.length);
  const scheme = page.protocol.slice(0, -1);
  // Without Chrome the page stays where it is.
  return `intent:${rest}#Intent;scheme=${scheme};package=com.android.chrome;S.browser_fallback_url=${encodeURIComponent(page.href)};end`;
}
