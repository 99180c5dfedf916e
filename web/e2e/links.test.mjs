// Linked sessions in a browser: lost and late responses do no harm, and what a thief takes is worthless or found.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { only, rounds } from './engines/pick.mjs';
import { call, closedBrowser, cookie, freePorts, server, shows, startAgain, until, world } from './world.mjs';

const [REFRESH, LOGOUT] = ['/auth/refresh', '/auth/logout'];
/** A chain grows at most every 15 s. */
const PACE = 16;
const [TABS, ROUNDS] = [6, rounds(60)];

let here;
before(async () => (here = await world()));
after(() => here?.stop());
beforeEach(() => here.way.heal());

/** A browser with one tab, where this person is logged in. */
async function loggedIn(nickname) {
  const profile = await here.profile();
  const tab = await here.tab(profile);
  const person = await here.person(nickname);
  await here.logIn(tab, person);
  await shows(tab, `Hello ${nickname}`);
  return { profile, tab, person };
}

const refreshes = () => here.way.log.filter(({ path }) => path === REFRESH);
const refresh = (tab) => tab.evaluate(() => window.auth.refresh().catch(() => null));

/** Refreshes until the chain has grown by a link, and returns the request that made it grow. */
async function grow(tab) {
  await here.pass(PACE);
  assert.ok(await refresh(tab));
  const last = refreshes().at(-1);
  assert.ok(JSON.parse(last.answer).link, 'a confirmed link');
  return last;
}

/** What the page has noticed since its last growth. */
const noticed = (tab) => tab.evaluate(() => [...new Set(window.events.map(({ type }) => type))]);

/** Sends a refresh as someone who has this cookie, or all that a recorded request had. */
async function send(headers, body) {
  const names = ['cookie', 'origin', 'content-type', 'user-agent', 'sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest'];
  const sent = Object.fromEntries(names.filter((name) => headers[name]).map((name) => [name, headers[name]]));
  const response = await fetch(here.direct + REFRESH, { method: 'POST', headers: sent, body });
  assert.equal(response.headers.get('set-cookie'), null);
  return { status: response.status, body: await response.json() };
}

const randomText = (bytes) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('base64url');

test('a stolen cookie alone is refused, in a browser or without one, and its owner notices nothing', async () => {
  const { profile, tab } = await loggedIn('Ryan');
  const { headers, body } = await grow(tab);
  const { link } = JSON.parse(body);
  const thief = await here.profile();
  await thief.addCookies(await profile.cookies(here.api));
  const theirs = await here.tab(thief);
  assert.equal(await refresh(theirs), null);
  assert.deepEqual([refreshes().at(-1).status, refreshes().at(-1).headers.cookie], [403, headers.cookie]);
  await shows(theirs, 'anonymous');
  const attempts = [undefined, { next: randomText(16) }, { prev: randomText(36), next: randomText(16) }, { ...link, prev: link.prev.slice(0, -1) }];
  for (const link of attempts) {
    const refused = await send(headers, JSON.stringify({ link, user: true }));
    assert.equal(refused.status, 403);
    assert.deepEqual([Object.keys(refused.body).sort(), refused.body.code], [['code', 'detail', 'session'], 'link_required']);
  }
  await grow(tab);
  assert.deepEqual(await call(tab), [200]);
  assert.deepEqual(await noticed(tab), ['logged-in', 'refreshed']);
  assert.equal(await cookie(here, profile), headers.cookie);
  await Promise.all([profile.close(), thief.close()]);
});

test('an old recorded refresh is answered within 15 s as a slower tab’s would be, and later changes nothing', async () => {
  const { profile, tab } = await loggedIn('Tube');
  const old = await grow(tab);
  await grow(tab);
  const early = await send(old.headers, old.body);
  assert.deepEqual([early.status, early.body.link], [200, undefined]);
  await here.pass(PACE);
  for (let tries = 0; tries < 2; tries++) {
    const late = await send(old.headers, old.body);
    assert.deepEqual([late.status, late.body.code, late.body.access], [409, 'link_stale', undefined]);
    await grow(tab);
  }
  assert.deepEqual(await call(tab), [200]);
  assert.deepEqual(await noticed(tab), ['logged-in', 'refreshed']);
  await profile.close();
});

for (const [what, ofThief, ofOwner] of [
  ['has refreshed once', 0, 401],
  ['has gone on for a while', 2, 409],
]) {
  test(`a copy of the whole profile that ${what} is found at the owner’s next refresh, and both are out`, async () => {
    const folder = await closedBrowser(here, 'Muzi', await here.person('Muzi'));
    const copied = await here.folder(folder);
    await here.pass(PACE);
    here.way.heal();
    const thief = await startAgain(here, copied);
    await shows(thief.tab, 'Hello Muzi');
    for (let n = 0; n < ofThief; n++) await grow(thief.tab);
    await here.pass(PACE);
    const before = refreshes().length;
    const owner = await startAgain(here, folder);
    assert.equal(refreshes()[before].status, ofOwner);
    await shows(owner.tab, 'anonymous');
    await shows(owner.tab, 'expired', 'error');
    if (ofOwner === 409) await until(() => here.way.log.some(({ path, status }) => path === LOGOUT && status === 200), 'the owner’s logout');
    assert.deepEqual(await call(thief.tab), [401]);
    await shows(thief.tab, 'anonymous');
    assert.equal(await refresh(owner.tab), null);
    await Promise.all([owner.browser.close(), thief.browser.close()]);
  });
}

for (const [what, storageTypes] of [
  ['the links are', 'indexeddb'],
  ['all storage is', 'indexeddb,local_storage,session_storage'],
]) {
  test(`if ${what} cleared while the cookie stays, one login is needed, and it leaves one session`, only('chromium', 'clears storage by DevTools'), async () => {
    const { profile, tab, person } = await loggedIn('Jay-G');
    await grow(tab);
    const before = await cookie(here, profile);
    const devtools = await profile.newCDPSession(tab);
    await devtools.send('Storage.clearDataForOrigin', { origin: here.origin, storageTypes });
    assert.equal(await cookie(here, profile), before);
    await tab.reload();
    await shows(tab, 'anonymous');
    assert.ok(refreshes().slice(1).every(({ status }) => status === 403));
    await here.logIn(tab, person);
    await shows(tab, 'Hello Jay-G');
    await grow(tab);
    assert.equal((await tab.evaluate(() => window.auth.sessions())).length, 1);
    await tab.reload();
    await shows(tab, 'Hello Jay-G');
    await profile.close();
  });
}

/** Lets the chain grow for a minute, until whatever was held would be a minute old. */
async function aMinute(tab) {
  for (let seconds = 0; seconds < 60; seconds += PACE) await grow(tab);
}

test('a request that is held for a minute and then released changes nothing', async () => {
  const { profile, tab } = await loggedIn('Frodo');
  await here.pass(PACE);
  let release;
  const held = new Promise((resolve) => (release = resolve));
  here.way.instead = ({ path }) => (path === REFRESH ? held : undefined);
  assert.equal(await refresh(tab), null);
  here.way.instead = () => undefined;
  const [request] = refreshes();
  await aMinute(tab);
  release();
  await until(() => request.status, 'the released request');
  assert.equal(request.status, 409);
  await grow(tab);
  assert.deepEqual(await call(tab), [200]);
  assert.deepEqual(await noticed(tab), ['logged-in', 'unavailable', 'refreshed']);
  await profile.close();
});

test('a response that is held for a minute, while its page is closed, changes nothing', async () => {
  const { profile, tab } = await loggedIn('Con');
  const before = await cookie(here, profile);
  await here.pass(PACE);
  let release;
  const held = new Promise((resolve) => (release = resolve));
  here.way.onItsWay = ({ path }) => (path === REFRESH ? held : undefined);
  await tab.evaluate(() => void window.auth.refresh().catch(() => {}));
  await until(() => refreshes().at(-1)?.answer, 'the response');
  await tab.close();
  here.way.onItsWay = () => undefined;
  const next = await here.tab(profile);
  await shows(next, 'Hello Con');
  await aMinute(next);
  release();
  await until(() => refreshes()[0].status, 'the released response');
  await grow(next);
  assert.equal(await cookie(here, profile), before);
  assert.deepEqual(await noticed(next), ['logged-in', 'refreshed']);
  await profile.close();
});

test(`${TABS} tabs without Web Locks refresh ${ROUNDS} times each while requests and responses are lost, and none is refused`, async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`SEED=${seed} repeats the losses and delays, but not the browser’s order of requests`);
  const random = randomFrom(seed);
  const profile = await here.profile();
  await profile.addInitScript(() => delete Navigator.prototype.locks);
  const tabs = [await here.tab(profile)];
  await here.logIn(tabs[0], await here.person('Neo'));
  while (tabs.length < TABS) tabs.push(await here.tab(profile));
  await Promise.all(tabs.map((tab) => shows(tab, 'Hello Neo')));
  assert.equal(await tabs[0].evaluate(() => typeof navigator.locks), 'undefined');
  here.way.heal();
  const delay = () => sleep(random() * 40);
  here.way.instead = async ({ path }) => {
    await delay();
    return path === REFRESH && random() < 0.1 ? 'down' : undefined;
  };
  here.way.onItsWay = async ({ path }) => {
    await delay();
    return path === REFRESH && random() < 0.3 ? 'lost' : undefined;
  };
  for (let round = 0; round < ROUNDS; round++) {
    // Between the rounds only: while a request is on its way, less time passes than a chain needs to grow.
    await here.pass(Math.floor(random() * 2 * PACE));
    await Promise.all(tabs.map((tab) => refresh(tab)));
  }
  const statuses = refreshes().map(({ status }) => status);
  assert.deepEqual([...new Set(statuses)].sort(), [0, 200]);
  assert.ok(statuses.length > TABS * ROUNDS * 0.9, `${statuses.length} requests`);
  const grown = new Set(refreshes().map(({ answer }) => answer && JSON.parse(answer).link).filter(Boolean));
  assert.ok(grown.size > ROUNDS / 4, `${grown.size} links`);
  here.way.heal();
  await Promise.all(tabs.map((tab) => refresh(tab)));
  for (const tab of tabs) {
    await shows(tab, 'Hello Neo');
    assert.ok(!(await noticed(tab)).includes('logged-out'));
    assert.deepEqual(await call(tab), [200]);
  }
  await profile.close();
});

test('where two origins are allowed, which share the cookie and not the storage, sessions rotate', async (t) => {
  const [port] = await freePorts(1);
  const other = await server(port, here.tls, (_, response) => response.end('<!doctype html><title>A page</title>'));
  const shared = await world((origin) => ({ ALLOWED_ORIGINS: `${origin},${other.url}` }));
  t.after(async () => {
    await shared.stop();
    await other.stop();
  });
  const profile = await shared.profile();
  const tab = await shared.tab(profile);
  await shared.logIn(tab, await shared.person('Jordy'));
  await shows(tab, 'Hello Jordy');
  const [login] = shared.way.log;
  assert.deepEqual(['link' in JSON.parse(login.body), 'link' in JSON.parse(login.answer)], [true, false]);
  const theirs = await profile.newPage();
  await theirs.goto(other.url);
  const refreshAtOther = (url) => fetch(url, { method: 'POST', credentials: 'include' }).then(({ status }) => status);
  const cookies = [await cookie(shared, profile)];
  for (let round = 0; round < 3; round++) {
    await shared.pass(60);
    assert.ok(await refresh(tab));
    cookies.push(await cookie(shared, profile));
    await shared.pass(60);
    assert.equal(await theirs.evaluate(refreshAtOther, shared.api + REFRESH), 200);
    cookies.push(await cookie(shared, profile));
  }
  assert.equal(new Set(cookies).size, cookies.length, 'each refresh changes the cookie');
  assert.deepEqual(await call(tab), [200]);
});

/** Mulberry32: numbers from 0 to 1 that a seed determines. */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
