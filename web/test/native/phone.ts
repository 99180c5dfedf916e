/** A phone: React Native's globals, a keychain, and a process that is killed where the test says so. */

import { vi } from 'vitest';
import { appStorage, type AuthStorage } from '../../src/native.js';
import type { linkedApi } from '../links/linked-api.js';
import { tab } from '../scripted.js';
// Before the test runner's own globals are gone. In an app they are in the bundle.
import '../../src/account.js';
import '../../src/leave.js';
import '../../src/logins.js';

/** What a browser or Node has and React Native lacks. */
export function withoutBrowser() {
  vi.stubGlobal('window', globalThis);
  vi.stubGlobal('navigator', { product: 'ReactNative' });
  vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) });
  vi.stubGlobal('BroadcastChannel', undefined);
  vi.stubGlobal('addEventListener', undefined);
  const incomplete = class {
    constructor() {
      throw new Error('URL is incomplete.');
    }
  };
  const { Request: Whole, URL: Complete } = globalThis;
  /** Node's needs the whole `URL`. */
  function AppRequest(...request: ConstructorParameters<typeof Request>) {
    globalThis.URL = Complete;
    try {
      return new Whole(...request);
    } finally {
      globalThis.URL = incomplete as unknown as typeof URL;
    }
  }
  AppRequest.prototype = Whole.prototype;
  vi.stubGlobal('Request', AppRequest);
  vi.stubGlobal('URL', incomplete);
  vi.stubGlobal('URLSearchParams', incomplete);
}

/** What is stored on the phone, and the size of the largest item that was. `fails`: the keychain cannot be read, or not written. `busy`: when it responds. */
export const disk = () => ({ item: null as string | null, largest: 0, fails: undefined as 'get' | 'set' | undefined, busy: undefined as Promise<void> | undefined });

/** As an iPhone before it has been unlocked for the first time. `TypeError` is what a bridge without its native part throws. */
const locked = () => Promise.reject<never>(new TypeError('errSecInteractionNotAllowed'));

/**
 * One process of an app. Each request, and each call of the keychain, has a step before it and one after it: the process is killed at
 * step `killedAt`, and does nothing any more.
 */
export function phone(api: ReturnType<typeof linkedApi>, stored: ReturnType<typeof disk>, killedAt = Infinity) {
  let steps = 0;
  let die = () => {};
  const killed = new Promise<'killed'>((resolve) => (die = () => resolve('killed')));
  async function step() {
    steps++;
    await alive();
  }
  /** Never resolves once the process is killed. */
  async function alive() {
    if (steps < killedAt) return;
    die();
    await new Promise(() => {});
  }
  async function around<T>(work: () => T | Promise<T>): Promise<T> {
    await step();
    const result = await work();
    await step();
    return result;
  }
  const keychain: AuthStorage = {
    get: () =>
      around(async () => {
        await stored.busy;
        return stored.fails === 'get' ? locked() : stored.item;
      }),
    set: (_, value) =>
      around(async () => {
        if (stored.fails === 'set') return locked();
        await stored.busy;
        stored.item = value;
        stored.largest = Math.max(stored.largest, value?.length ?? 0);
        return undefined;
      }),
  };
  const statuses: number[] = [];
  const fetch = (...request: Parameters<typeof api.fetch>) =>
    around(async () => {
      const response = await api.fetch(...request);
      statuses.push(response.status);
      return response;
    });
  const client = tab(api, { fetch, storage: appStorage(keychain), device: { name: 'Galaxy S26', platform: 'Android' } });
  return { client, killed, alive, statuses };
}
