import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { EDGE, only, rounds } from './engines/pick.mjs';
import { call, shows, token, until, world } from './world.mjs';

const [REFRESH, LOGOUT] = ['/auth/refresh', '/auth/logout'];
const ROUNDS = rounds(40);

let here;
before(async () => (here = await world()));
after(() => here?.stop());
beforeEach(() => here.way.heal());

/** So many tabs of one browser, where this person is logged in, or nobody is. */
async function tabs(many, nickname) {
  const profile = await here.profile();
  const all = [await here.tab(profile)];
  if (nickname) await here.logIn(all[0], await here.person(nickname));
  while (all.length < many) all.push(await here.tab(profile));
  await Promise.all(all.map((tab) => shows(tab, nickname ? `Hello ${nickname}` : 'anonymous')));
  here.way.log.length = 0;
  return { profile, all };
}

test('five new tabs show who is logged in and send no request', async () => {
  const { profile, all } = await tabs(1, 'Ryan');
  for (let n = 0; n < 5; n++) all.push(await here.tab(profile));
  await Promise.all(all.map((tab) => shows(tab, 'Hello Ryan')));
  assert.deepEqual(here.way.log, []);
  await profile.close();
});

test(`six tabs with ten calls each at expiry make one refresh, and every call works, ${ROUNDS} times`, async () => {
  const { profile, all } = await tabs(6, 'Muzi');
  for (let round = 0; round < ROUNDS; round++) {
    here.way.log.length = 0;
    for (const tab of all) here.way.dead.add(await token(tab));
    const statuses = (await Promise.all(all.map((tab) => call(tab, 10)))).flat();
    assert.deepEqual(statuses, Array(60).fill(200), `round ${round}`);
    assert.equal(here.way.count(REFRESH), 1, `refreshes in round ${round}`);
    assert.ok(here.way.count('/auth/profile', 'GET') > 60, 'the tokens were dead');
    // The next round begins when every tab has heard of this one's token.
    await until(async () => new Set(await Promise.all(all.map(token))).size === 1, 'one token in all tabs');
  }
  await profile.close();
});

test('six open tabs renew by themselves before the token expires, with one refresh', { skip: EDGE && 'waits, in which the edge stack has no part' }, async () => {
  const quick = await world({ ACCESS_TTL: '20' });
  const profile = await quick.profile();
  const all = [await quick.tab(profile)];
  await quick.logIn(all[0], await quick.person('Choonsik'));
  while (all.length < 6) all.push(await quick.tab(profile));
  await Promise.all(all.map((tab) => shows(tab, 'Hello Choonsik')));
  const before = await token(all[0]);
  quick.way.heal();
  await until(() => quick.way.count(REFRESH) > 0, 'a renewal');
  const isNew = async (tab) => (await token(tab)) !== before;
  await until(async () => (await Promise.all(all.map(isNew))).every(Boolean), 'the new token in every tab');
  assert.equal(quick.way.log.length, 1);
  await quick.stop();
});

test('a logout in one tab logs out the others, and one request ends the session', async () => {
  const { profile, all } = await tabs(6, 'Apeach');
  await all[3].getByText('Log out', { exact: true }).click();
  await Promise.all(all.map((tab) => shows(tab, 'anonymous')));
  await until(() => here.way.log.some(({ path, status }) => path === LOGOUT && status === 200), 'the logout');
  await Promise.all(all.map((tab) => tab.reload()));
  await Promise.all(all.map((tab) => shows(tab, 'anonymous')));
  assert.equal(here.way.log.length, 1);
  await profile.close();
});

test('a logout while six tabs refresh is not undone', async () => {
  const { profile, all } = await tabs(6, 'Tube');
  let release;
  const held = new Promise((resolve) => (release = resolve));
  here.way.onItsWay = ({ path }) => (path === REFRESH ? held : undefined);
  for (const tab of all) here.way.dead.add(await token(tab));
  const calls = all.map((tab) => call(tab, 10));
  await until(() => here.way.count(REFRESH) > 0, 'a refresh');
  await all[0].getByText('Log out', { exact: true }).click();
  await Promise.all(all.map((tab) => shows(tab, 'anonymous')));
  release();
  await Promise.all(calls);
  await until(() => here.way.log.some(({ path, status }) => path === LOGOUT && status === 200), 'the logout');
  await Promise.all(all.map((tab) => shows(tab, 'anonymous')));
  const shown = await Promise.all(all.map((tab) => tab.evaluate(() => window.shown.at(-2) + ', ' + window.shown.at(-1))));
  assert.deepEqual(new Set(shown), new Set(['Hello Tube, anonymous']));
  await profile.close();
});

test('a login in one tab shows in the others', async () => {
  const { profile, all } = await tabs(6);
  await here.logIn(all[2], await here.person('Neo'));
  await Promise.all(all.map((tab) => shows(tab, 'Hello Neo')));
  assert.equal(here.way.log.length, 1);
  await profile.close();
});

test('two tabs that log out and in alternately, as two users, always agree', async () => {
  const { profile, all } = await tabs(2);
  const people = [await here.person('Con'), await here.person('Jay-G')];
  for (let round = 0; round < 10; round++) {
    const who = round % 2;
    await here.logIn(all[who], people[who]);
    await Promise.all(all.map((tab) => shows(tab, `Hello ${['Con', 'Jay-G'][who]}`)));
    assert.deepEqual((await Promise.all(all.map((tab) => call(tab, 5)))).flat(), Array(10).fill(200));
    if (round % 3 === 2) {
      await all[1 - who].getByText('Log out', { exact: true }).click();
      await Promise.all(all.map((tab) => shows(tab, 'anonymous')));
    }
  }
  await profile.close();
});

test('two tabs that log in as two users at once agree on the owner of the cookie', async () => {
  const { profile, all } = await tabs(2);
  for (let round = 0; round < 5; round++) {
    const people = [await here.person('Con'), await here.person('Neo')];
    await Promise.all(all.map((tab, n) => here.logIn(tab, people[n])));
    const next = await here.tab(profile);
    all.push(next);
    // The API names the session of a cookie that comes without its link.
    const owner = await next.evaluate(async (api) => {
      const refused = await fetch(`${api}/auth/refresh`, { method: 'POST', credentials: 'include' });
      return (await refused.json()).session;
    }, here.api);
    const sessions = async () => (await Promise.all(all.map(token))).map((text) => JSON.parse(atob(text.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))).sid);
    await until(async () => (await sessions()).every((sid) => sid === owner), `one session in all tabs: ${owner}`);
    await next.close();
    all.pop();
  }
  await profile.close();
});

test('a logout everywhere, in another browser, reaches every tab at its next call', async () => {
  const nickname = 'Jordy';
  const person = await here.person(nickname);
  const [mine, phone] = [await here.profile(), await here.profile()];
  const all = [await here.tab(mine), await here.tab(mine), await here.tab(mine)];
  await here.logIn(all[0], person);
  await Promise.all(all.map((tab) => shows(tab, `Hello ${nickname}`)));
  const other = await here.tab(phone);
  await here.logIn(other, person);
  await other.getByText('Log out everywhere').click();
  await until(() => here.way.log.some(({ path, status }) => path === `${LOGOUT}?scope=all` && status === 200), 'the logout');
  // The profile sees an ended session, and so does the refresh after it.
  assert.deepEqual(await call(all[1]), [401]);
  await Promise.all(all.map((tab) => shows(tab, 'anonymous')));
  await shows(all[1], 'expired', 'error');
  assert.equal(here.way.count(REFRESH), 1);
  await Promise.all([mine.close(), phone.close()]);
});

test('a call of the first account is not repeated as the one that logged in in another tab', async () => {
  const { profile, all } = await tabs(2, 'Ryan');
  const muzi = await here.person('Muzi');
  let release;
  const held = new Promise((resolve) => (release = resolve));
  // The first tab's call meets its 401 only when the account has changed.
  here.way.instead = ({ method }) => (method === 'GET' ? held.then(() => ({ status: 401 })) : undefined);
  const answered = call(all[0]);
  await until(() => here.way.count('/auth/profile', 'GET') === 1, 'the call');
  await here.logIn(all[1], muzi);
  await shows(all[0], 'Hello Muzi');
  release();
  assert.deepEqual(await answered, [401]);
  assert.equal(here.way.count('/auth/profile', 'GET'), 1);
  await profile.close();
});

test('a tab that was frozen while another user logged in shows that user when it resumes', only('chromium', 'freezes a tab by DevTools'), async () => {
  const { profile, all } = await tabs(2, 'Ryan');
  const devtools = await profile.newCDPSession(all[0]);
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
  await here.logIn(all[1], await here.person('Frodo'));
  await devtools.send('Page.setWebLifecycleState', { state: 'active' });
  await shows(all[0], 'Hello Frodo');
  await profile.close();
});
