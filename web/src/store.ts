/** What a client keeps between two starts. A page keeps it in the browser, an app in its keychain. */

import type { ApiResponse } from './api.js';

/** A record of a session, or the first link of a login whose response has not been stored. */
export interface Entry {
  /** The session's `sid`, or a hash of the login's credential. */
  key?: unknown;
  /** The last link that the API has confirmed. Only records have one. */
  prev?: unknown;
  /** The link after it, from before it is sent until the API has confirmed it. It is random, so it identifies what was sent. */
  next?: string;
  /** When `next` was drawn: a repetition finds an older one. */
  since?: number;
}

/**
 * The names of the strings: `.session` is the id of the current session, `.logout` the path of a logout that the API has not confirmed
 * yet, `.login` the logins that have left for Kakao, `.code` the code in exchange, and `.auto` whether a login needs a click.
 */
export type Name = '.session' | '.logout' | '.login' | '.code' | '.auto';

export interface Store {
  /** Resolves when `get` knows what is stored. */
  readonly ready?: Promise<unknown>;
  /** Null if there is none. Undefined if that is not known, because access to the storage is refused. */
  get(name: Name): string | null | undefined;
  set(name: Name, value: string | null): void;
  /** One transaction: `work` changes the list of entries, the newest first. Resolves to the new list when it is on the disk. */
  change(work: (entries: Entry[]) => Entry[]): Promise<Entry[]>;
  /** Only if the refresh token is kept here, and not in a cookie: adds it to a request, and stores the one of the response. */
  send?(path: string, body: object, post: (body: object) => Promise<ApiResponse>): Promise<ApiResponse>;
}

/** One of the strings. */
export const flag = (store: Store, name: Name) => ({ get: () => store.get(name), set: (value: string | null) => store.set(name, value) });
