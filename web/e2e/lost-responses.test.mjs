// Responses to refreshes that come late or never, in pages that are left meanwhile.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { rounds } from './engines/pick.mjs';
import { call, cookie, shows, until, world } from './world.mjs';

const REFRESH = '/auth/refresh';
const PEOPLE = rounds(10);
/** Longer than the pace at which linked sessions grow, and than the window in which rotating ones do not rotate. */
const DUE = 16;

const worlds = {};
before(async () => {
  worlds.linked = await world();
  worlds.rotating = await world({ SESSION_LINKS: 'off' });
});
after(() => Promise.all(Object.values(worlds).map((one) => one.stop())));
beforeEach(() => Object.values(worlds).forEach(({ way }) => way.heal()));

/** A browser with one tab, where this person is logged in. */
async function loggedIn(nickname, where) {
  const profile = await where.profile();
  const tab = await where.tab(profile);
  await where.logIn(tab, await where.person(nickname));
  await shows(tab, `Hello ${nickname}`);
  return { profile, tab };
}

/** Browsers in which the next refresh changes the session, as almost every one does in life. */
async function due(nickname, where) {
  const all = [];
  for (let n = 0; n < PEOPLE; n++) all.push(await loggedIn(nickname, where));
  await where.pass(DUE);
  where.way.heal();
  return all;
}

/** Resolves once the API has answered a refresh that this tab began; `fate` is what becomes of the answer. */
async function refreshing(tab, fate, { way }) {
  const answered = new Promise((resolve) => {
    way.onItsWay = ({ path }) => {
      if (path !== REFRESH) return undefined;
      way.onItsWay = () => undefined;
      resolve();
      return fate();
    };
  });
  await tab.evaluate(() => void window.auth.refresh().catch(() => {}));
  await answered;
}

const late = () => new Promise((resolve) => setTimeout(resolve, 200));

for (const kind of ['linked', 'rotating']) {
  for (const [what, fate] of [['comes late', late], ['is lost', () => 'lost']]) {
    test(`a reload during a refresh whose response ${what} ends no ${kind} session, ${PEOPLE} times`, async () => {
      const where = worlds[kind];
      for (const { profile, tab } of await due('Ryan', where)) {
        await refreshing(tab, fate, where);
        await tab.reload();
        await shows(tab, 'Hello Ryan');
        assert.deepEqual(await call(tab), [200]);
        await tab.evaluate(() => window.auth.refresh());
        await shows(tab, 'Hello Ryan');
        await profile.close();
      }
      noRefreshIsRefused(where);
    });

    test(`closing the tab during a refresh whose response ${what} ends no ${kind} session, ${PEOPLE} times`, async () => {
      const where = worlds[kind];
      for (const { profile, tab } of await due('Muzi', where)) {
        await refreshing(tab, fate, where);
        await tab.close();
        const next = await where.tab(profile);
        await shows(next, 'Hello Muzi');
        assert.deepEqual(await call(next), [200]);
        await profile.close();
      }
      noRefreshIsRefused(where);
    });
  }
}

function noRefreshIsRefused({ way }) {
  const refused = way.log.filter(({ path, status }) => path === REFRESH && status >= 400);
  assert.deepEqual(refused.map(({ status }) => status), []);
}

test('the response to a refresh of a rotating session reaches the browser even if its tab is closed', async () => {
  const where = worlds.rotating;
  const { profile, tab } = await loggedIn('Neo', where);
  const before = await cookie(where, profile);
  await where.pass(DUE);
  await refreshing(tab, late, where);
  await tab.close();
  await until(async () => (await cookie(where, profile)) !== before, 'the successor of the cookie');
  await profile.close();
});
