/** The settings of the page, from `/demo.json` of its own origin. */
export interface Config {
  api: string;
  authorizeUrl: string;
  clientId: string;
  redirectUri: string;
  /** Seconds. */
  accessTtl: number;
  /** Origin of the stand-in for Kakao; null with the real Kakao. */
  'stand-in': string | null;
  /** Whether the server plays the scenes with a thief and a lost response. */
  scenes: boolean;
  /** Whether its signing key can be rotated for a scene. */
  keys: boolean;
  /** What is broken on the server. Null if this page cannot break it. */
  faults: { auth: boolean; kakao: boolean } | null;
  /** Whether the local gateway gave this browser its cookie without `Secure`, because it would not keep it over http. */
  development_cookie?: boolean;
  /** The cookies that the server received with this request. */
  cookies: { name: string; bytes: number }[];
}

export async function loadConfig(): Promise<Config> {
  const response = await fetch('/demo.json', { cache: 'no-store' });
  if (!response.ok) throw new Error(`/demo.json: ${response.status}`);
  return (await response.json()) as Config;
}
