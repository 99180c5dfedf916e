// What a browser makes of our cookies and headers where page and API are on one site, and where they are on two. The page has no
// client, so that each request is the test's own.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { ENGINE, only, TLS } from './engines/pick.mjs';
import { freePorts, server, until, world } from './world.mjs';

let here, servers, sameSite, otherSite, notAllowed;
before(async () => {
  const [port, foreign] = await freePorts(2);
  // The API is called localhost, which for cookies is another site than 127.0.0.1. Both are secure contexts without TLS.
  const [local, other] = ['localhost', '127.0.0.1'].map((host) => `${TLS ? 'https' : 'http'}://${host}`);
  [sameSite, otherSite, notAllowed] = [`${local}:${port}`, `${other}:${port}`, `${local}:${foreign}`];
  here = await world({ COOKIE_SAMESITE: 'None', ALLOWED_ORIGINS: `${sameSite},${otherSite}` });
  const page = ({ url }, response) => {
    // Cookies know no ports: this is one of the API's, set before `CookieSameSite` was changed and dead by now.
    if (url === '/old') response.setHeader('set-cookie', '__Host-Http-refresh_token=dead; Path=/; Secure; HttpOnly; SameSite=None');
    response.end('<!doctype html><title>A page</title>');
  };
  servers = await Promise.all([port, foreign].map((port) => server(port, here.tls, page, '127.0.0.1')));
});
after(async () => {
  await here?.stop();
  for (const one of servers ?? []) await one.stop();
});
beforeEach(() => here.way.heal());

async function tabAt(profile, origin) {
  const tab = await profile.newPage();
  await tab.goto(origin);
  await tab.evaluate((api) => {
    window.post = (path, body, options) => {
      const json = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      return fetch(api + path, { method: 'POST', credentials: 'include', ...json, ...options }).then(({ status }) => status);
    };
    window.auth = { exchange: (credential) => window.post('/auth/kakao', credential) };
  }, here.api);
  return tab;
}

/** The cookies that the browser sent with its last request. */
const sent = () => here.way.log.at(-1).headers.cookie?.split('; ') ?? [];

/** WebKitGTK neither keeps a cookie that another site's page is sent, nor knows `Partitioned`. */
const keepsThem = { skip: ENGINE === 'webkit' && 'not in webkit: it keeps no such cookie' };

const post = (tab, path, options) => tab.evaluate(([path, options]) => window.post(path, undefined, options), [path, options]);

test('a page on another site logs in, refreshes and logs out where cookies are SameSite=None', keepsThem, async () => {
  const profile = await here.profile();
  const tab = await tabAt(profile, otherSite);
  await here.logIn(tab, await here.person('Neo'));
  assert.equal(await post(tab, '/auth/refresh'), 200);
  const { headers } = here.way.log.at(-1);
  assert.deepEqual([headers.origin, headers['sec-fetch-site']], [otherSite, 'cross-site']);
  assert.equal(sent().length, 1);
  const mine = await tabAt(profile, sameSite);
  assert.equal(await post(mine, '/auth/refresh'), 401);
  assert.deepEqual(sent(), [], 'the cookie is the other site’s own');
  assert.equal(await post(tab, '/auth/logout'), 200);
  assert.deepEqual(await profile.cookies(here.api), []);
  assert.equal(await post(tab, '/auth/refresh'), 401);
  await profile.close();
});

test('a page on another site is out after its login where the browser keeps no cookie of other sites', only('webkit', 'the others keep it'), async () => {
  const profile = await here.profile();
  const tab = await tabAt(profile, otherSite);
  await here.logIn(tab, await here.person('Neo'));
  assert.equal(here.way.log.at(-1).status, 200);
  assert.equal(await post(tab, '/auth/refresh'), 401);
  assert.deepEqual([sent(), await profile.cookies(here.api)], [[], []]);
  await profile.close();
});

test('a page that is not allowed logs nobody in or out, although the browser sends its cookies', async () => {
  const profile = await here.profile();
  const tab = await tabAt(profile, sameSite);
  await here.logIn(tab, await here.person('Tube'));
  const foreign = await tabAt(profile, notAllowed);
  for (const path of ['/auth/kakao', '/auth/refresh', '/auth/logout', '/auth/logout?scope=all']) {
    await post(foreign, path, { mode: 'no-cors' });
    await until(() => here.way.log.at(-1).status !== 0, 'an answer');
    const { status, headers } = here.way.log.at(-1);
    assert.deepEqual([status, headers['sec-fetch-site']], [403, 'same-site'], path);
    assert.match(headers.cookie, /refresh_token=/);
  }
  assert.equal(await post(tab, '/auth/refresh'), 200);
  await profile.close();
});

test('a refresh without a cookie, answered after a login, does not take the login’s cookie away', async () => {
  const profile = await here.profile();
  const tab = await tabAt(profile, sameSite);
  let release;
  const held = new Promise((resolve) => (release = resolve));
  here.way.onItsWay = ({ path }) => (path === '/auth/refresh' ? held : undefined);
  const early = post(tab, '/auth/refresh');
  await until(() => here.way.count('/auth/refresh') === 1, 'a refresh on its way');
  await here.logIn(tab, await here.person('Apeach'));
  release();
  assert.equal(await early, 401);
  assert.equal(here.way.log[0].headers.cookie, undefined);
  assert.equal((await profile.cookies(here.api)).length, 1, 'the cookie is still there');
  assert.equal(await post(tab, '/auth/refresh'), 200);
  await profile.close();
});

test('of two cookies, partitioned and not, the good one counts, and a logout clears both', keepsThem, async () => {
  const profile = await here.profile();
  const tab = await tabAt(profile, sameSite);
  await here.logIn(tab, await here.person('Jay-G'));
  await tab.evaluate(() => fetch('/old'));
  const cookies = await profile.cookies(here.api);
  assert.equal(new Set(cookies.map(({ name }) => name)).size, 1);
  assert.equal(cookies.length, 2, 'one of two is partitioned');
  assert.equal(await post(tab, '/auth/refresh'), 200);
  assert.equal(sent().length, 2, 'the browser sends both');
  assert.equal(await post(tab, '/auth/logout'), 200);
  assert.deepEqual(await profile.cookies(here.api), []);
  await profile.close();
});
