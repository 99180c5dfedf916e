/** What the page is told by `/demo.json` of its own origin. */
export interface Config {
  api: string;
  authorizeUrl: string;
  clientId: string;
  redirectUri: string;
  /** Seconds. */
  accessTtl: number;
  /** The stand-in for Kakao; null where Kakao is the real one. */
  'stand-in': string | null;
  /** The cookies that came with this very request, as the server saw them. */
  cookies: { name: string; bytes: number }[];
}

export async function loadConfig(): Promise<Config> {
  const response = await fetch('/demo.json', { cache: 'no-store' });
  if (!response.ok) throw new Error(`/demo.json: ${response.status}`);
  return (await response.json()) as Config;
}
