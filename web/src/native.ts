/** The client in an app: the refresh token and its links are kept in the app's keychain, and sent in the body of a request. */

import type { ApiResponse } from './api.js';
import { parseJson } from './browser.js';
import type { Entry, Name, Store } from './store.js';

/** The app's keychain, for example on `react-native-keychain` or `expo-secure-store`. */
export interface AuthStorage {
  get(name: string): Promise<string | null>;
  /** Resolves when the value is on the disk. Null removes it. */
  set(name: string, value: string | null): Promise<void>;
}

/** What is stored under one name, so that no write leaves half of it behind. */
interface Item {
  refresh?: string | undefined;
  entries: Entry[];
  flags: { [name in Name]?: string | null };
}

/** A keychain that fails says nothing about the session. */
const failed = (cause: unknown) => {
  throw new Error('The keychain cannot be used.', { cause });
};

/** The newest two of each kind: logins without a response must not push the session's record out, and keychains want small items. */
function newest(entries: Entry[]): Entry[] {
  const count = { records: 0, logins: 0 };
  return entries.filter(({ prev }) => count[prev ? 'records' : 'logins']++ < 2);
}

/** The option `storage` of a client. `name` is the name of the item in the keychain. Only one process may use it. */
export function appStorage(keychain: AuthStorage, name = 'kakao-auth'): Store {
  if (!(globalThis.crypto as Crypto | undefined)?.getRandomValues) {
    throw new Error('appStorage() needs crypto.getRandomValues(): import "react-native-get-random-values" first');
  }
  let item: Item = { entries: [], flags: {} };
  let written: string | null | undefined;
  let loading: Promise<void> | undefined;
  let tail: Promise<unknown> = Promise.resolve();

  /** Reads the item once; what was set before stays. */
  const load = () =>
    (loading ??= keychain.get(name).then(
      (text) => {
        const { refresh, entries, flags } = (parseJson(text!) ?? {}) as Partial<Item>;
        item = { refresh, entries: Array.isArray(entries) ? entries : [], flags: { ...flags, ...item.flags } };
        written = text;
      },
      (cause: unknown) => {
        loading = undefined;
        failed(cause);
      },
    ));

  /** Writes one state after the other. Resolves when `entries`, and everything that was set before, is on the disk. */
  function save(work?: (entries: Entry[]) => Entry[]): Promise<Entry[]> {
    const turn = tail.then(load).then(async () => {
      let entries = work ? newest(work(item.entries)) : item.entries;
      // A token is kept as long as somebody is logged in or has to be logged out.
      const isInUse = [item.flags['.session'], item.flags['.logout']].some((value) => typeof value === 'string');
      if (!isInUse) {
        item.refresh = undefined;
        entries = entries.filter(({ prev }) => !prev);
      }
      const text = isInUse || entries.length ? JSON.stringify({ ...item, entries }) : null;
      if (text !== written) await keychain.set(name, text).catch(failed);
      written = text;
      return (item.entries = entries);
    });
    tail = turn.catch(() => {});
    return turn;
  }

  async function send(path: string, body: object, post: (body: object) => Promise<ApiResponse>): Promise<ApiResponse> {
    try {
      await save();
    } catch (cause) {
      return { status: 0, body: {}, cause };
    }
    const isLogin = 'transport' in body;
    const { refresh } = item;
    if (!isLogin && !refresh) {
      const isLogout = path.includes('logout');
      return { ok: isLogout, status: isLogout ? 200 : 401, body: { code: 'token_not_valid', detail: 'There is no refresh token.' } };
    }
    const response = await post({ ...body, ...(isLogin ? { transport: 'body' } : { refresh }) });
    const { access, refresh: next, detail } = response.body;
    if (response.ok && access && next && typeof next === 'string') {
      item.refresh = next;
      if (isLogin) item.flags['.session'] ??= '';
    } else if (response.ok && typeof detail === 'string' && path.includes('logout') && !path.includes('others')) {
      // Also the token of a login that this logout has overtaken.
      item.refresh = undefined;
      item.flags['.session'] = null;
    }
    // If it cannot be stored, the session lasts until the app is closed.
    await save().catch(() => {});
    return response;
  }

  return {
    get ready() {
      return load().catch(() => {});
    },
    get: (flag) => (loading && written !== undefined ? (item.flags[flag] ?? null) : item.flags[flag]),
    set(flag, value) {
      if (item.flags[flag] === value || (written !== undefined && !value && !item.flags[flag])) return;
      item.flags[flag] = value;
      save().catch(() => {});
    },
    change: (work) => save(work),
    send,
  };
}
