// KakaoTalk's own browser, other apps' browsers, and the logout at Kakao: real Chromium with their user agents.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cookie, shows, until, world } from './world.mjs';

const KAKAOTALK =
  'Mozilla/5.0 (Linux; Android 14; SM-S908N; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.134 Mobile Safari/537.36 KAKAOTALK/10.8.1';
const IN_APP = fileURLToPath(new URL('../src/in-app.ts', import.meta.url));

let here;
let kakao;
before(async () => {
  here = await world();
  kakao = JSON.parse(here.define.KAKAO);
});
after(() => here?.stop());
beforeEach(async () => {
  here.way.heal();
  await talk(null);
});

async function control(what, body) {
  const headers = { 'content-type': 'application/json' };
  const { ok, status } = await fetch(`${kakao}/control/${what}`, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.ok(ok, `${what}: ${status}`);
}

/** Who is logged in to the app KakaoTalk. */
const talk = (user, more = {}) => control('talk', { user, ...more });
const unlink = (user) => control('webhooks/unlink', { user, send: false });

/** A browser with this user agent, and options of the page's client. */
async function browser(userAgent, options) {
  const usual = await here.profile();
  const profile = userAgent ? await usual.browser().newContext({ userAgent }) : usual;
  if (options) await profile.addInitScript((options) => (window.kakao = options), options);
  return profile;
}

/** The prompts of the authorize requests that a tab sends from now on. */
function prompts(tab) {
  const all = [];
  tab.on('request', (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname === '/oauth/authorize' && request.method() === 'GET') all.push(searchParams.get('prompt'));
  });
  return all;
}

const logIn = (tab, options) => tab.evaluate((options) => void window.auth.login(options), options);
const person = (tab, nickname) => tab.locator('button.person', { hasText: nickname });

test('in KakaoTalk a user who has consented before logs in by one click, and sees no page of Kakao', async () => {
  await talk(await here.person('톡 하나'));
  const profile = await browser(KAKAOTALK);
  const tab = await here.tab(profile, '/cart?step=2');
  await shows(tab, 'anonymous');
  const asked = prompts(tab);
  const pages = [];
  tab.on('response', (response) => response.url().startsWith(kakao) && response.status() === 200 && pages.push(response.url()));
  await tab.getByText('Log in with Kakao').click();
  await shows(tab, 'Hello 톡 하나');
  assert.deepEqual([asked, pages], [['none'], []]);
  assert.equal(tab.url(), `${here.origin}/cart?step=2`);
  await profile.close();
});

for (const [what, before] of [
  ['is not logged in at Kakao', async () => {}],
  ['has not consented', (name) => talk(name).then(() => unlink(name))],
  ['has to see another page of Kakao', (name) => talk(name, { needs_page: true })],
]) {
  test(`in KakaoTalk a user who ${what} gets Kakao’s page, once`, async () => {
    const nickname = `톡 ${what}`;
    await before(await here.person(nickname));
    const profile = await browser(KAKAOTALK);
    const tab = await here.tab(profile, '/cart');
    await shows(tab, 'anonymous');
    const asked = prompts(tab);
    await tab.getByText('Log in with Kakao').click();
    await person(tab, nickname).click();
    await shows(tab, `Hello ${nickname}`);
    assert.deepEqual(asked, ['none', null]);
    assert.equal(tab.url(), `${here.origin}/cart`);
    await shows(tab, '', 'error');
    assert.deepEqual(await tab.evaluate(() => Object.keys(localStorage)), ['kakao-auth.session']);

    await tab.evaluate(() => window.auth.logout());
    asked.length = 0;
    await logIn(tab);
    await shows(tab, `Hello ${nickname}`);
    assert.deepEqual(asked, ['none'], 'the next login needs no page');
    await profile.close();
  });
}

test('in KakaoTalk a login that is cancelled on Kakao’s page is reported', async () => {
  const profile = await browser(KAKAOTALK);
  const tab = await here.tab(profile, '/cart');
  const asked = prompts(tab);
  await tab.getByText('Log in with Kakao').click();
  await tab.getByText('Cancel').click();
  await shows(tab, 'denied', 'error');
  await shows(tab, 'anonymous');
  assert.deepEqual(asked, ['none', null]);
  assert.equal(tab.url(), `${here.origin}/cart`);
  await profile.close();
});

test('a user who turns round at Kakao’s page can log in afterwards', async () => {
  await here.person('톡 넷');
  const profile = await browser(KAKAOTALK);
  const tab = await here.tab(profile, '/cart');
  await tab.getByText('Log in with Kakao').click();
  await person(tab, '톡 넷').waitFor();
  await tab.goBack();
  await shows(tab, 'anonymous');
  assert.equal(tab.url(), `${here.origin}/cart`);
  await tab.getByText('Log in with Kakao').click();
  await person(tab, '톡 넷').click();
  await shows(tab, 'Hello 톡 넷');
  await profile.close();
});

test('state and verifier survive a second tab: it finishes the login that the first one began in KakaoTalk', async () => {
  await here.person('톡 다섯');
  const profile = await browser(KAKAOTALK);
  const first = await here.tab(profile, '/cart');
  await first.getByText('Log in with Kakao').click();
  await person(first, '톡 다섯').waitFor();
  const second = await profile.newPage();
  await second.goto(first.url());
  await person(second, '톡 다섯').click();
  await shows(second, 'Hello 톡 다섯');
  assert.equal(second.url(), `${here.origin}/cart`);
  await profile.close();
});

test('in KakaoTalk `switchAccount` asks for another account, because `login` is not offered there', async () => {
  await talk(await here.person('톡 여섯'));
  const profile = await browser(KAKAOTALK);
  const tab = await here.tab(profile);
  await logIn(tab, { switchAccount: true });
  await person(tab, 'under 14').waitFor();
  assert.equal(new URL(tab.url()).searchParams.get('prompt'), 'select_account');
  await here.person('톡 일곱');
  await tab.reload();
  await person(tab, '톡 일곱').click();
  await shows(tab, 'Hello 톡 일곱');
  await profile.close();
});

test('with `autoLogin` KakaoTalk’s user is logged in when the page is loaded, and after a logout not again', async () => {
  await talk(await here.person('톡 여덟'));
  const profile = await browser(KAKAOTALK, { autoLogin: true });
  const tab = await profile.newPage();
  const asked = prompts(tab);
  await tab.goto(`${here.origin}/cart?step=2`);
  await shows(tab, 'Hello 톡 여덟');
  assert.equal(tab.url(), `${here.origin}/cart?step=2`);
  assert.deepEqual(asked, ['none']);

  await tab.getByText('Log out', { exact: true }).click();
  await shows(tab, 'anonymous');
  await tab.reload();
  await shows(tab, 'anonymous');
  const second = await here.tab(profile);
  await shows(second, 'anonymous');
  assert.deepEqual(asked, ['none'], 'a logout holds');
  await tab.getByText('Log in with Kakao').click();
  await shows(tab, 'Hello 톡 여덟');
  assert.deepEqual(asked, ['none', 'none']);
  await profile.close();
});

test('with `autoLogin` a visitor who is not a member sees the page, no error, and is not sent to Kakao again', async () => {
  const name = await here.person('톡 아홉');
  await talk(name);
  await unlink(name);
  const profile = await browser(KAKAOTALK, { autoLogin: true });
  const tab = await profile.newPage();
  const asked = prompts(tab);
  const back = tab.waitForRequest(/callback\?error=consent_required/);
  await tab.goto(`${here.origin}/cart`);
  await back;
  await tab.waitForURL(`${here.origin}/cart`);
  await shows(tab, 'anonymous');
  await shows(tab, '', 'error');
  await tab.reload();
  await shows(tab, 'anonymous');
  assert.deepEqual(asked, ['none']);
  await profile.close();
});

/** Logs in on Kakao's page and stays logged in there. */
async function stay(tab, nickname) {
  await tab.getByText('Log in with Kakao').click();
  await tab.getByText('stay logged in').click();
  await person(tab, nickname).click();
  await shows(tab, `Hello ${nickname}`);
}

test('a logout alone leaves Kakao’s session, and one with Kakao ends it if the user says so', async () => {
  await here.person('콘 하나');
  const profile = await browser();
  const tab = await here.tab(profile, '/cart?step=2');
  await stay(tab, '콘 하나');
  assert.equal(await tab.evaluate(() => window.auth.logout()), true);
  await logIn(tab);
  await shows(tab, 'Hello 콘 하나');

  for (const [choice, isAskedAgain] of [['이 서비스만 로그아웃', false], ['카카오계정과 함께 로그아웃', true]]) {
    here.way.log.length = 0;
    await tab.evaluate(() => void window.auth.logout({ kakao: true }));
    await tab.getByText(choice).waitFor();
    assert.equal(here.way.count('/auth/logout'), 1, 'the session here has ended first');
    assert.equal(await cookie(here, profile), '', 'and its cookie is gone');
    await tab.getByText(choice).click();
    await shows(tab, 'anonymous');
    await tab.waitForURL(`${here.origin}/cart?step=2`);
    assert.deepEqual(await tab.evaluate(() => Object.keys(localStorage)), []);
    await logIn(tab);
    if (isAskedAgain) await person(tab, '콘 하나').waitFor();
    else await shows(tab, 'Hello 콘 하나');
  }
  await profile.close();
});

test('a logout with Kakao goes there although the API does not respond, and is sent when the page is back', async () => {
  await here.person('콘 둘');
  const profile = await browser();
  const tab = await here.tab(profile, '/cart');
  await stay(tab, '콘 둘');
  here.way.instead = ({ path }) => (path === '/auth/logout' ? 'down' : undefined);
  const start = Date.now();
  await tab.evaluate(() => void window.auth.logout({ kakao: true }));
  await tab.getByText('카카오계정과 함께 로그아웃').click();
  assert.ok(Date.now() - start < 10_000);
  await shows(tab, 'anonymous');
  assert.notEqual(await cookie(here, profile), '');
  here.way.heal();
  await tab.reload();
  await shows(tab, 'anonymous');
  await until(async () => (await cookie(here, profile)) === '', 'the cookie is removed');
  await profile.close();
});

test('openExternal() leaves the browsers of KakaoTalk and LINE', async () => {
  const open = (tab, url) => tab.evaluate(([module, url]) => import(module).then(({ openExternal }) => openExternal(url)), [`/@fs${IN_APP}`, url]);
  const talks = await browser(KAKAOTALK);
  const tab = await here.tab(talks, '/cart?step=2');
  const session = await talks.newCDPSession(tab);
  await session.send('Page.enable');
  const left = new Promise((resolve) => session.on('Page.frameRequestedNavigation', ({ url }) => resolve(url)));
  assert.equal(await open(tab), true);
  assert.equal(await left, `kakaotalk://web/openExternal?url=${encodeURIComponent(`${here.origin}/cart?step=2`)}`);
  await talks.close();

  const line = await browser('Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36 Line/14.8.0/IAB');
  const other = await here.tab(line, '/cart?step=2');
  await open(other).catch(() => {});
  await other.waitForURL(`${here.origin}/cart?step=2&openExternalBrowser=1`);
  await line.close();

  const usual = await browser();
  const third = await here.tab(usual, '/cart');
  assert.equal(await open(third), false);
  await usual.close();
});
