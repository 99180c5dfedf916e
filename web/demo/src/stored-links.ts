/** The links of this browser's sessions, in the client's IndexedDB: any script of this page can read them. */

const NAME = 'kakao-auth';

/** The confirmed links, that of the present session first. Empty if the browser refuses to store any. */
export function readLinks(): Promise<string[]> {
  return new Promise<string[]>((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    // Only the client creates it.
    request.onupgradeneeded = () => request.transaction?.abort();
    request.onerror = () => resolve([]);
    request.onsuccess = () => {
      const transaction = request.result.transaction(NAME);
      request.result.close();
      const stored: IDBRequest<{ prev?: string }[] | undefined> = transaction.objectStore(NAME).get(0);
      stored.onsuccess = () => resolve((stored.result ?? []).flatMap(({ prev }) => prev ?? []));
      stored.onerror = () => reject(stored.error);
    };
  }).catch(() => []);
}

/** How often the chain of links has grown: a confirmed link begins with its number. */
export function numberOf(link: string): number {
  const bytes = atob(link.slice(0, 8).replace(/-/g, '+').replace(/_/g, '/'));
  return [...bytes.slice(0, 4)].reduce((number, byte) => number * 256 + byte.charCodeAt(0), 0);
}

/** A link as a client draws one: 16 random bytes in base64url. */
export function drawLink(): string {
  const text = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
  return text.slice(0, 22).replace(/\+/g, '-').replace(/\//g, '_');
}
