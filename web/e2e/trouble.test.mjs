import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { call, shows, token, until, world } from './world.mjs';

const [REFRESH, LOGOUT] = ['/auth/refresh', '/auth/logout'];

let here;
before(async () => (here = await world()));
after(() => here?.stop());
beforeEach(() => here.way.heal());

/** A browser with one tab, where this person is logged in. */
async function loggedIn(nickname) {
  const profile = await here.profile();
  const tab = await here.tab(profile);
  await here.logIn(tab, await here.person(nickname));
  await shows(tab, `Hello ${nickname}`);
  return { profile, tab };
}

const PAGE = '<!doctype html><title>Log in to the Wi-Fi</title>';
const SILENCES = [
  ['does not answer', 'down'],
  ['says 503', { status: 503 }],
  ['says 403', { status: 403 }],
  ['says 429', { status: 429 }],
  ['is behind a proxy’s 401 page', { status: 401, body: PAGE }],
  ['is behind a password', { status: 401, body: PAGE, headers: { 'www-authenticate': 'Basic realm="staging"' } }],
  ['is behind a captive portal’s page', { status: 200, body: PAGE }],
  ['is behind a captive portal’s redirect', { status: 302, headers: { location: '/portal' } }],
];

for (const [what, answer] of SILENCES) {
  test(`an API that ${what} logs nobody out, and is used again when it is back`, async () => {
    const { profile, tab } = await loggedIn('Apeach');
    here.way.instead = ({ path }) => (path === '/portal' ? { status: 200, body: PAGE } : answer);
    await tab.evaluate(() => window.auth.refresh().catch(() => {}));
    await shows(tab, 'unavailable', 'error');
    await shows(tab, 'Hello Apeach');
    await tab.reload();
    await shows(tab, 'unavailable', 'error');
    await shows(tab, 'unknown');
    here.way.heal();
    await shows(tab, 'Hello Apeach');
    await shows(tab, '', 'error');
    assert.deepEqual(await call(tab), [200]);
    await profile.close();
  });
}

test('offline, the page still shows who is logged in, and it works again once online', async () => {
  const { profile, tab } = await loggedIn('Frodo');
  here.way.dead.add(await token(tab));
  await profile.setOffline(true);
  await tab.evaluate(() => window.auth.refresh().catch(() => {}));
  await shows(tab, 'unavailable', 'error');
  await shows(tab, 'Hello Frodo');
  await profile.setOffline(false);
  assert.deepEqual(await call(tab), [200]);
  await shows(tab, '', 'error');
  await profile.close();
});

test('a logout offline shows at once, survives a reload, and is sent when the API is back', async () => {
  const { profile, tab } = await loggedIn('Tube');
  here.way.instead = () => 'down';
  await tab.getByText('Log out', { exact: true }).click();
  await shows(tab, 'anonymous');
  await until(() => here.way.count(LOGOUT) > 0, 'a try');
  await tab.reload();
  await shows(tab, 'anonymous');
  assert.equal(here.way.count(REFRESH), 0);
  here.way.heal();
  await until(() => here.way.log.some(({ path, status }) => path === LOGOUT && status === 200), 'the logout');
  assert.deepEqual((await profile.cookies(here.api)).map(({ name }) => name), []);
  await tab.reload();
  await shows(tab, 'anonymous');
  await profile.close();
});

test('an API that says 401 to every token costs one refresh and one retry for a call, and the session stays', async () => {
  const { profile, tab } = await loggedIn('Con');
  here.way.heal();
  here.way.instead = ({ method }) => (method === 'GET' ? { status: 401 } : undefined);
  assert.deepEqual(await call(tab), [401]);
  assert.deepEqual(here.way.log.map(({ method, path }) => `${method} ${path}`), [
    'GET /auth/profile',
    'POST /auth/refresh',
    'GET /auth/profile',
  ]);
  await shows(tab, 'Hello Con');
  await profile.close();
});

test('a clock that is two hours wrong, or is corrected meanwhile, logs nobody out', async () => {
  for (const hours of [-2, 2]) {
    const profile = await here.profile();
    const tab = await profile.newPage();
    await tab.clock.setSystemTime(Date.now() + hours * 3_600_000);
    await tab.goto(`${here.origin}/`);
    await here.logIn(tab, await here.person('Jordy'));
    here.way.heal();
    assert.deepEqual(await call(tab, 5), Array(5).fill(200));
    assert.equal(here.way.count(REFRESH), 0);
    await tab.clock.setSystemTime(Date.now());
    assert.deepEqual(await call(tab, 5), Array(5).fill(200));
    assert.ok(here.way.count(REFRESH) <= 1);
    await shows(tab, 'Hello Jordy');
    await profile.close();
  }
});
