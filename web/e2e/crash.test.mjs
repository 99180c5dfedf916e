// Chromium writes cookies to disk half a minute late, so a browser that crashes loses the latest ones.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, closedBrowser, cookie, shows, startAgain, world } from './world.mjs';

const KILLED_AFTER = [1, 10, 20, 28];

let here;
before(async () => (here = await world()));
after(() => here?.stop());

const closed = async (nickname) => closedBrowser(here, nickname, await here.person(nickname));

/** The session can be used and renewed. */
async function works(tab, nickname) {
  await shows(tab, `Hello ${nickname}`);
  await here.pass(16);
  assert.ok(await tab.evaluate(() => window.auth.refresh()));
  assert.deepEqual(await call(tab), [200]);
}

test(`a browser that is killed ${KILLED_AFTER.join(', ')} s after a refresh is still logged in an hour later`, async () => {
  const all = await Promise.all(KILLED_AFTER.map(async (seconds) => ({ seconds, name: `Ryan ${seconds}`, folder: await closed(`Ryan ${seconds}`) })));
  await here.pass(60);
  await Promise.all(
    all.map(async ({ seconds, name, folder }) => {
      // A page that is opened refreshes.
      const { browser, tab } = await startAgain(here, folder);
      await shows(tab, `Hello ${name}`);
      await sleep(seconds * 1_000);
      await browser.kill();
    }),
  );
  await here.pass(3_600);
  const lost = [];
  await Promise.all(
    all.map(async ({ seconds, name, folder }) => {
      const { browser, tab } = await startAgain(here, folder);
      if ((await tab.locator('#who').textContent()) === `Hello ${name}`) await works(tab, name);
      else lost.push(seconds);
      await browser.close();
    }),
  );
  assert.deepEqual(lost, [], 'logged out');
});

test('a browser that is killed while a refresh’s response is lost is still logged in an hour later', async () => {
  const folder = await closed('Neo');
  await here.pass(60);
  let browser;
  const killed = new Promise((resolve) => {
    here.way.onItsWay = async ({ path }) => {
      if (path !== '/auth/refresh') return undefined;
      here.way.heal();
      await browser.kill();
      resolve();
      return 'lost';
    };
  });
  browser = await here.browserOn(folder);
  await Promise.all([killed, here.tab(browser.profile).catch(() => {})]);
  await here.pass(3_600);
  const again = await startAgain(here, folder);
  await works(again.tab, 'Neo');
  await again.browser.close();
});

/** Whatever the browser remembers, its page is not stuck: its user is logged in, or logs in once. */
async function returns(folder, nickname, person) {
  const { browser, tab } = await startAgain(here, folder);
  const who = await tab.locator('#who').textContent();
  if (who !== `Hello ${nickname}`) {
    assert.equal(who, 'anonymous');
    await here.logIn(tab, person);
  }
  await works(tab, nickname);
  await browser.close();
}

test('a browser that is killed 1 s after a login is logged in, or asks for one login', async () => {
  const [folder, person] = [await here.folder(), await here.person('Apeach')];
  const { browser, tab } = await startAgain(here, folder);
  await here.logIn(tab, person);
  await shows(tab, 'Hello Apeach');
  await sleep(1_000);
  await browser.kill();
  await returns(folder, 'Apeach', person);
});

test('so does one where somebody else had been logged in, whose cookie is still on disk', async () => {
  const [folder, person] = [await closed('Muzi'), await here.person('Frodo')];
  const { browser, tab } = await startAgain(here, folder);
  await shows(tab, 'Hello Muzi');
  const old = await cookie(here, browser.profile);
  await here.logIn(tab, person);
  await shows(tab, 'Hello Frodo');
  await sleep(1_000);
  assert.notEqual(await cookie(here, browser.profile), old);
  await browser.kill();
  await returns(folder, 'Frodo', person);
});
