// What saves a small site's visitors time: the login function is started early, and a tab that is alone waits for no other.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { ENGINE, rounds } from './engines/pick.mjs';
import { call, shows, until, world } from './world.mjs';

const REFRESH = '/auth/refresh';
const ROUNDS = rounds(8);
/** A busy Firefox can pass the lock on before it delivers what the tab that had it has sent. */
const [ONE, MOST] = ENGINE === 'firefox' ? ['at most two refreshes', 2] : ['one refresh', 1];

let here;
before(async () => (here = await world()));
after(() => here?.stop());
beforeEach(() => here.way.heal());

/** The requests that start the login function. */
const starts = () => here.way.log.filter(({ method, path }) => method === 'GET' && path === '/auth/kakao');

/** A browser where this person is logged in, in one tab. */
async function loggedIn(nickname) {
  const profile = await here.profile();
  const tab = await here.tab(profile);
  await here.logIn(tab, await here.person(nickname));
  await shows(tab, `Hello ${nickname}`);
  here.way.heal();
  return { profile, tab };
}

/** From now on, this browser's pages never reach the end of a wait of 60 ms: who waits so long waits for ever. */
const withoutTheWait = (profile) =>
  profile.addInitScript(() => {
    const { setTimeout } = window;
    window.setTimeout = (callback, ms, ...rest) => (ms === 60 ? 0 : setTimeout(callback, ms, ...rest));
  });

test(`the login function is started while the user is at Kakao, without a cookie, ${ROUNDS} times`, async () => {
  const { profile, tab } = await loggedIn('Ryan');
  for (let round = 1; round <= ROUNDS; round++) {
    await tab.getByText('Log in with Kakao').click();
    await tab.locator('button.person').first().waitFor();
    await until(() => starts().filter(({ status }) => status === 204).length === round, 'the request');
    await tab.getByText('Cancel').click();
    await shows(tab, 'denied', 'error');
    await shows(tab, 'Hello Ryan');
  }
  for (const { headers } of starts()) {
    assert.equal(headers.cookie, undefined);
    assert.equal(headers['content-type'], undefined);
  }
  assert.equal(starts().length, ROUNDS);
  await profile.close();
});

for (const [what, fate] of [
  ['is never answered', () => new Promise(() => {})],
  ['is not taken', () => 'down'],
  ['is answered 503', () => ({ status: 503 })],
]) {
  test(`a user logs in even if the request that starts the login function ${what}`, async () => {
    const nickname = `라이언, ${what}`;
    await here.person(nickname);
    const profile = await here.profile();
    const tab = await here.tab(profile, '/cart');
    await shows(tab, 'anonymous');
    here.way.instead = (sent) => (starts().includes(sent) ? fate() : undefined);
    await tab.getByText('Log in with Kakao').click();
    await tab.locator('button', { hasText: nickname }).click();
    await shows(tab, `Hello ${nickname}`);
    // Firefox repeats a GET whose connection was closed.
    const isRepeated = ENGINE === 'firefox' && fate() === 'down';
    assert.ok(isRepeated ? starts().length > 1 : starts().length === 1, `${starts().length} requests`);
    await profile.close();
  });
}

test('a tab without others does not wait for them: after a reload, after a navigation, and when it is new', async () => {
  const { profile, tab } = await loggedIn('Muzi');
  await withoutTheWait(profile);
  await tab.reload();
  await shows(tab, 'Hello Muzi');
  await tab.goto(`${here.origin}/cart`);
  await shows(tab, 'Hello Muzi');
  await tab.close();
  const next = await here.tab(profile);
  await shows(next, 'Hello Muzi');
  assert.equal(here.way.count(REFRESH), 3);
  await profile.close();
});

test(`tabs that open at once make ${ONE}, ${ROUNDS} times`, async () => {
  let { profile, tab } = await loggedIn('Neo');
  for (let round = 0; round < ROUNDS; round++) {
    const all = await Promise.all(Array.from({ length: 4 }, () => profile.newPage()));
    await tab.close();
    here.way.heal();
    await Promise.all(all.map((one) => one.goto(here.origin)));
    await Promise.all(all.map((one) => shows(one, 'Hello Neo')));
    const refreshes = here.way.count(REFRESH);
    assert.ok(refreshes >= 1 && refreshes <= MOST, `${refreshes} refreshes in round ${round}`);
    [tab] = all;
    await Promise.all(all.slice(1).map((one) => one.close()));
  }
  assert.deepEqual(await call(tab), [200]);
  await profile.close();
});
