/** Readable names of devices, from the `User-Agent` headers that browsers and HTTP libraries send. */

/** Names of products, in the order in which they are looked for: most browsers also claim to be Chrome and Safari. */
const APPS = [
  ['kakaotalk', /KAKAOTALK/i],
  ['naver', /NAVER\(inapp/],
  ['Instagram', /Instagram/],
  ['Facebook', /FB(AN|AV)/],
  ['LINE', /\bLine\//],
  ['whale', /Whale\//],
  ['samsung', /SamsungBrowser\//],
  ['Edge', /Edg(A|iOS)?\//],
  ['Opera', /OPR\//],
  ['Firefox', /(Firefox|FxiOS)\//],
  // An app's own web view.
  ['app', /; wv\)/],
  ['Chrome', /(Chrome|CriOS)\//],
  ['Safari', /Version\/.*Safari\//],
  ['app', /AppleWebKit.*Mobile\/|okhttp|CFNetwork|Alamofire|Dart\//],
  ['curl', /^curl\//],
  ['Python', /python/i],
] as const;

const SYSTEMS = [
  ['iPhone', /iPhone/],
  ['iPad', /iPad/],
  ['Android', /Android|okhttp/],
  ['iOS', /iOS|CFNetwork/],
  ['ChromeOS', /CrOS/],
  ['Windows', /Windows/],
  ['macOS', /Macintosh|Mac OS X/],
  ['Linux', /Linux|X11/],
] as const;

/** Texts that the page translates are in lower case, the others are names in every language. */
export interface Device {
  app: (typeof APPS)[number][0] | null;
  system: (typeof SYSTEMS)[number][0] | null;
}

export function deviceOf(userAgent: string): Device {
  const find = <Name>(table: readonly (readonly [Name, RegExp])[]) => table.find(([, sign]) => sign.test(userAgent))?.[0] ?? null;
  return { app: find(APPS), system: find(SYSTEMS) };
}
