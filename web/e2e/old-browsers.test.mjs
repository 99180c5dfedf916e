// Chromium without what the oldest supported browsers lack: Safari 14 has neither tabs that talk nor turns nor time limits.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { call, shows, token, until, world } from './world.mjs';

let here;
before(async () => (here = await world()));
after(() => here?.stop());
beforeEach(() => here.way.heal());

/** A browser without what the oldest supported ones lack. Neither React nor Vite needs it. */
async function oldBrowser() {
  const profile = await here.profile();
  await profile.addInitScript(() => {
    const lacks = [
      [window, 'BroadcastChannel', 'structuredClone', 'scheduler', 'Navigation'],
      [AbortSignal, 'timeout', 'any'],
      [AbortSignal.prototype, 'throwIfAborted'],
      [Navigator.prototype, 'locks', 'userAgentData'],
      [Crypto.prototype, 'randomUUID'],
      [URL, 'canParse', 'parse'],
      [Response, 'json'],
      [Promise, 'withResolvers', 'any', 'try'],
      [Object, 'groupBy', 'hasOwn'],
      [Map, 'groupBy'],
      [Array, 'fromAsync'],
      [Array.prototype, 'at', 'findLast', 'findLastIndex', 'toSorted', 'toReversed', 'toSpliced', 'with'],
      [String.prototype, 'at', 'replaceAll', 'isWellFormed', 'toWellFormed'],
      [Set.prototype, 'union', 'difference', 'intersection', 'isSubsetOf'],
      [Uint8Array, 'fromBase64', 'fromHex'],
      [Uint8Array.prototype, 'toBase64', 'toHex'],
    ];
    for (const [owner, ...names] of lacks) for (const name of names) delete owner[name];
    const { addEventListener } = EventTarget.prototype;
    EventTarget.prototype.addEventListener = function (type, listener, options) {
      // Safari 14 does not know the option `signal`.
      addEventListener.call(this, type, listener, options?.signal ? { ...options, signal: undefined } : options);
    };
  });
  return profile;
}

test('an old browser logs in on Kakao’s page, renews, reloads and logs out', async () => {
  await here.person('라이언 14');
  const profile = await oldBrowser();
  const tab = await here.tab(profile, '/cart');
  assert.equal(await tab.evaluate(() => [typeof BroadcastChannel, typeof AbortSignal.timeout, typeof navigator.locks].join()), 'undefined,undefined,undefined');
  await shows(tab, 'anonymous');
  await tab.getByText('Log in with Kakao').click();
  await tab.locator('button', { hasText: '라이언 14' }).click();
  await shows(tab, 'Hello 라이언 14');
  assert.equal(tab.url(), `${here.origin}/cart`);
  here.way.dead.add(await token(tab));
  assert.deepEqual(await call(tab, 5), Array(5).fill(200));
  await tab.reload();
  await shows(tab, 'Hello 라이언 14');
  await tab.getByText('Log out', { exact: true }).click();
  await shows(tab, 'anonymous');
  await until(() => here.way.log.some(({ path, status }) => path === '/auth/logout' && status === 200), 'the logout');
  await profile.close();
});

test('an old browser recovers from an API that never responds', async () => {
  const profile = await oldBrowser();
  const tab = await here.tab(profile);
  await here.logIn(tab, await here.person('Muzi'));
  await shows(tab, 'Hello Muzi');
  let release;
  const silence = new Promise((resolve) => (release = resolve));
  here.way.instead = () => silence.then(() => 'down');
  await tab.reload();
  await shows(tab, 'unavailable', 'error');
  here.way.heal();
  release();
  await shows(tab, 'Hello Muzi');
  await shows(tab, '', 'error');
  await profile.close();
});

test('two tabs of an old browser share the session, and one notices the other’s logout when it is shown', async () => {
  const profile = await oldBrowser();
  const first = await here.tab(profile);
  await here.logIn(first, await here.person('Neo'));
  const second = await here.tab(profile);
  await shows(second, 'Hello Neo');
  assert.equal(await first.evaluate(() => window.auth.logout()), true);
  await second.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })));
  await shows(second, 'anonymous');
  await profile.close();
});
