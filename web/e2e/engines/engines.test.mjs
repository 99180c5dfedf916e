// What linked sessions need of a browser's storage, in Firefox and in WebKitGTK.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, shows, until, world } from '../world.mjs';
import { certificate } from './certificate.mjs';
import { engines } from './engine.mjs';

const ENGINES = ['firefox', 'webkit'];
const [LOGIN, REFRESH] = ['/auth/kakao', '/auth/refresh'];
/** Seconds from a refresh's response to the end of the browser. Firefox writes cookies after a fraction of a second. */
const KILLED_AFTER = [0, 1, 10, 20, 28];
/** Longer than the API waits before a chain of links grows again. */
const PACE = 16;

let here, browsers;
before(async () => {
  here = await world({}, certificate());
  browsers = await engines();
});
after(async () => {
  browsers?.stop();
  await here?.stop();
});
beforeEach(() => here.way.heal());

const refresh = (tab) => tab.evaluate(() => window.auth.refresh());
const requests = (path) => here.way.log.filter((call) => call.path === path);
const statuses = () => requests(REFRESH).map(({ status }) => status);
const isLinked = ({ answer }) => 'link' in JSON.parse(answer);

/** Starts the engine and waits until its page knows whether anybody is logged in. */
async function open(engine, folder, options) {
  const browser = await browsers.on(engine, folder, options);
  const tab = await here.tab(browser.profile);
  const isKnown = () => !['unknown', undefined].includes(document.getElementById('who')?.textContent);
  // Several start at once, on a machine that may have other work.
  await tab.waitForFunction(isKnown, null, { timeout: 180_000 });
  return { browser, tab, who: await tab.locator('#who').textContent() };
}

/** A browser where this person is logged in. */
async function loggedIn(engine, folder, nickname, options) {
  const { browser, tab } = await open(engine, folder, options);
  await here.logIn(tab, await here.person(nickname));
  await shows(tab, `Hello ${nickname}`);
  return { browser, tab };
}

/** A folder with a browser's data, closed after this person had logged in. */
async function closed(engine, nickname) {
  const folder = await here.folder();
  const { browser } = await loggedIn(engine, folder, nickname);
  await browser.close();
  return folder;
}

/** Every refresh was linked. A page on a busy machine may have repeated one after its time-out. */
function allLinked(atLeast, what) {
  const linked = requests(REFRESH).map(isLinked);
  assert.ok(linked.length >= atLeast && linked.every(Boolean), `${what}: ${linked}`);
}

for (const engine of ENGINES) {
  test(`${engine}: a login is linked, and its link is still there when the browser is started again`, async () => {
    const folder = await closed(engine, 'Ryan');
    assert.deepEqual(requests(LOGIN).map(isLinked), [true]);
    await here.pass(PACE);
    const { browser, tab } = await open(engine, folder);
    await shows(tab, 'Hello Ryan');
    assert.deepEqual(requests(REFRESH).map((call) => [call.status, isLinked(call)]), [[200, true]]);
    await browser.close();
  });

  test(`${engine}: a private window logs in, refreshes and reloads, and leaves nothing behind`, async (test) => {
    const folder = await here.folder();
    const { browser, tab } = await loggedIn(engine, folder, 'Muzi', { isPrivate: true });
    test.diagnostic(`the session is ${isLinked(requests(LOGIN)[0]) ? 'linked' : 'rotating'}`);
    await here.pass(PACE);
    assert.ok(await refresh(tab));
    await here.pass(PACE);
    await tab.reload();
    await shows(tab, 'Hello Muzi');
    assert.deepEqual(statuses(), [200, 200]);
    await browser.close();
    const again = await open(engine, folder, { isPrivate: true });
    assert.equal(again.who, 'anonymous');
    await again.browser.kill();
  });

  test(`${engine}: six tabs that refresh at once are all served, with Web Locks and without`, async () => {
    const { browser, tab } = await loggedIn(engine, await here.folder(), 'Tube');
    const tabs = [tab];
    while (tabs.length < 6) tabs.push(await here.tab(browser.profile));
    await Promise.all(tabs.map((tab) => shows(tab, 'Hello Tube')));
    for (const hasLocks of [true, false]) {
      if (!hasLocks) {
        await Promise.all(tabs.map((tab) => tab.evaluate(() => void Object.defineProperty(navigator, 'locks', { value: undefined }))));
        // No response is on its way before all six requests are, and the last one comes first.
        const held = [];
        here.way.onItsWay = () => new Promise((resolve) => void (held.push(resolve) === 6 && held.splice(0).reverse().forEach((go) => go())));
      }
      for (let round = 0; round < 10; round++) {
        here.way.log.length = 0;
        await here.pass(PACE);
        assert.equal((await Promise.all(tabs.map(refresh))).filter(Boolean).length, 6, `round ${round}`);
        assert.deepEqual(new Set(statuses()), new Set([200]), `round ${round}`);
        if (!hasLocks) assert.equal(statuses().length, 6);
      }
    }
    here.way.heal();
    await Promise.all(tabs.map((tab) => shows(tab, 'Hello Tube')));
    assert.deepEqual((await Promise.all(tabs.map((tab) => call(tab)))).flat(), Array(6).fill(200));
    await browser.kill();
  });

  test(`${engine}: killed while a refresh is on its way, it is still logged in an hour later`, async () => {
    const folder = await closed(engine, 'Neo');
    const { browser, tab } = await open(engine, folder);
    await here.pass(PACE);
    here.way.heal();
    here.way.onItsWay = () => browser.kill().then(() => 'lost');
    await refresh(tab).catch(() => {});
    await browser.stopped;
    assert.deepEqual(statuses(), [0]);
    here.way.heal();
    await here.pass(3_600);
    const again = await open(engine, folder);
    assert.equal(again.who, 'Hello Neo');
    await again.browser.kill();
  });

  test(`${engine}: killed a second after a login, it is logged in or asks for one login`, async (test) => {
    const folder = await here.folder();
    const first = await loggedIn(engine, folder, 'Frodo');
    await sleep(1_000);
    await first.browser.kill();
    const { browser, tab, who } = await open(engine, folder);
    test.diagnostic(`the page shows “${who}”`);
    if (who === 'anonymous') await here.logIn(tab, await here.person('Frodo'));
    await shows(tab, 'Hello Frodo');
    await here.pass(PACE);
    assert.ok(await refresh(tab));
    await browser.kill();
  });

  test(`${engine}: killed ${KILLED_AFTER.join(', ')} s after a refresh, it is still logged in an hour later`, async () => {
    const all = KILLED_AFTER.map((seconds) => ({ seconds, name: `${engine} ${seconds}` }));
    await Promise.all(all.map(async (one) => (one.folder = await closed(engine, one.name))));
    await here.pass(PACE);
    here.way.log.length = 0;
    await Promise.all(
      all.map(async ({ seconds, name, folder }) => {
        // A page that is opened refreshes.
        const { browser, who } = await open(engine, folder);
        assert.equal(who, `Hello ${name}`);
        await sleep(seconds * 1_000);
        await browser.kill();
      }),
    );
    allLinked(all.length, 'each chain has grown');
    await here.pass(3_600);
    await Promise.all(all.map(async (one) => Object.assign(one, await open(engine, one.folder))));
    const lost = all.filter(({ who, name }) => who !== `Hello ${name}`);
    assert.deepEqual(lost.map(({ name }) => name), [], 'logged out');
    await here.pass(PACE);
    here.way.log.length = 0;
    await Promise.all(all.map(({ tab }) => refresh(tab)));
    allLinked(all.length, 'and each goes on');
    await Promise.all(all.map(({ browser }) => browser.kill()));
  });
}
