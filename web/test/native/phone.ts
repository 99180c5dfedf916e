/** A phone: React Native's globals, a keychain, and a process that is killed where the test says so. */

import { vi } from 'vitest';
import { appStorage, type AuthStorage } from '../../src/native.js';
import type { linkedApi } from '../links/linked-api.js';
import { tab } from '../scripted.js';
// Before the test runner's own globals are gone. In an app they are in the bundle.
import '../../src/account.js';
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
  vi.stubGlobal('URL', incomplete);
  vi.stubGlobal('URLSearchParams', incomplete);
}

/** What is stored on the phone, and the size of the largest item that was. */
export const disk = () => ({ item: null as string | null, largest: 0 });

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
    get: () => around(() => stored.item),
    set: (_, value) =>
      around(() => {
        stored.item = value;
        stored.largest = Math.max(stored.largest, value?.length ?? 0);
      }),
  };
  const fetch = (...request: Parameters<typeof api.fetch>) => around(() => api.fetch(...request));
  const client = tab(api, { fetch, storage: appStorage(keychain), device: { name: 'Galaxy S26', platform: 'Android' } });
  return { client, killed, alive };
}
