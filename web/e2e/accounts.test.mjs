// A person's devices, data and leaving, on the demo page: from the list of devices to joining again as a new user.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { actor, picture, startDemo } from './demo.mjs';
import { faint, fits } from './measure.mjs';
import { until } from './world.mjs';

const WORDS = {
  ko: {
    login: '카카오 로그인', loggedIn: '로그인됨', anonymous: '로그인하지 않음', call: 'API 호출', newTab: '새 탭 열기', expired: '세션이 만료되어',
    show: '기기 목록 보기', others: '다른 기기 모두 로그아웃', here: '이 기기', phone: '삼성 인터넷 · Android', kakaotalk: '카카오톡 · iPhone', endPhone: '삼성 인터넷 · Android에서 로그아웃',
    download: '내 데이터 내려받기', remove: '계정 삭제', confirm: '계정 삭제하기', cancel: '취소', deleted: '계정을 삭제했어요', later: '이전 계정을 아직 삭제하고 있어요',
    otherUser: '다른 계정으로 로그인해서 삭제하지 않았어요', denied: '로그인을 취소했어요',
  },
  en: {
    login: 'Login with Kakao', loggedIn: 'Logged in', anonymous: 'Not logged in', call: 'Call API', newTab: 'Open a second tab', expired: 'Your session has ended',
    show: 'Show devices', others: 'Log out all others', here: 'This device', phone: 'Samsung Internet on Android', kakaotalk: 'KakaoTalk on iPhone', endPhone: 'Log out Samsung Internet on Android',
    download: 'Download my data', remove: 'Delete my account', confirm: 'Delete account', cancel: 'Cancel', deleted: 'Your account is deleted', later: 'Your previous account is still being deleted',
    otherUser: 'You logged in with another account', denied: 'Login cancelled',
  },
};

const SAMSUNG = 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36';
const KAKAOTALK = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 KAKAOTALK 25.5.1';

let demo;
before(async () => (demo = await startDemo()));
after(() => demo?.stop());

for (const [language, words] of Object.entries(WORDS)) {
  test(`my devices in ${language}: each is named, and one or all others can be logged out`, async () => {
    const person = await newPerson(`기기가 많은 사람 ${language}`);
    const [here, phone, talk] = [await demo.visit(language), await demo.visit(language, { userAgent: SAMSUNG }), await demo.visit(language, { userAgent: KAKAOTALK })];
    for (const visitor of [phone, talk, here]) await logIn(visitor, words, person);

    await here.button(words.show).click();
    await lists(here.page, 3);
    const devices = await here.page.locator('.devices li').allInnerTexts();
    assert.match(devices[0], new RegExp(`Chrome.*Linux[^]*${words.here}`), 'this device comes first');
    assert.equal(await here.page.locator('.devices', { hasText: words.here }).count(), 1);
    for (const name of [words.phone, words.kakaotalk]) assert.ok(devices.some((text) => text.includes(name)), `${name} in ${devices}`);
    assert.match(devices.join(), /127\.0\.0\.0\/24|::/, 'the network');
    assert.equal(await here.page.locator('.devices button').count(), 2, 'this device has its own button for a logout');
    await fits(here.page);
    assert.deepEqual(await faint(here.page), []);
    await picture(here.page, `devices-${language}`);

    const opened = here.context.waitForEvent('page');
    await here.page.getByRole('link', { name: words.newTab }).click();
    const second = actor(await opened);
    await second.button(words.show).click();
    await lists(second.page, 3);
    await here.page.getByRole('button', { name: words.endPhone }).click();
    await lists(second.page, 2, 1_000);
    await lists(here.page, 2);
    await out(phone, words);
    await talk.button(words.call).click();
    await talk.result('1 × 200');

    await here.button(words.others).click();
    await lists(second.page, 1, 2_000);
    await lists(here.page, 1);
    assert.equal(await here.button(words.others).count(), 0, 'nobody else is left');
    await out(talk, words);
    for (const { status } of [here, second]) await status(words.loggedIn);
    here.isClean();
    for (const { context } of [here, phone, talk]) await context.close();
  });

  test(`my data in ${language}: a file with everything about me, and no token`, async () => {
    const visitor = await demo.visit(language);
    await logIn(visitor, words, await newPerson('데이터의 주인'));
    const download = visitor.page.waitForEvent('download');
    await visitor.button(words.download).click();
    const file = await download;
    assert.equal(file.suggestedFilename(), 'account.json');
    const text = await readFile(await file.path(), 'utf8');
    const { user, account, sessions } = JSON.parse(text);
    assert.equal(user.nickname, '데이터의 주인');
    assert.ok(account.kakao_id, 'Kakao’s number');
    assert.equal(sessions.length, 1);
    assert.doesNotMatch(text, /eyJ|hash|secret/i);
    visitor.isClean();
    await visitor.context.close();
  });

  test(`deleting my account in ${language} needs a login of the last minutes, by the same person`, async () => {
    const person = await newPerson(`떠나려는 사람 ${language}`);
    const visitor = await demo.visit(language);
    const { page, button, status } = visitor;
    await logInLongAgo(visitor, person, words);

    await button(words.remove).click();
    await page.getByRole('dialog').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), words.cancel, 'the first focus is on the harmless button');
    await fits(page);
    assert.deepEqual(await faint(page), []);
    await picture(page, `confirm-${language}`);
    await page.keyboard.press('Escape');
    assert.match(await page.evaluate(() => document.activeElement?.textContent), new RegExp(words.remove), 'the focus is back');

    await leave(visitor, words);
    assert.equal(new URL(page.url()).searchParams.get('prompt'), 'login');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('.alert', { hasText: words.denied }).waitFor();
    await status(words.loggedIn);

    await leave(visitor, words);
    await page.locator('button.person').first().click();
    await page.locator('.alert', { hasText: words.otherUser }).waitFor();
    await status(words.loggedIn);
    assert.equal(await linked(person), true, 'nobody was deleted');
    assert.equal(await page.evaluate(() => sessionStorage.getItem('demo.deleting')), null);

    await visitor.context.clearCookies();
    await logInLongAgo(visitor, person, words);
    const opened = visitor.context.waitForEvent('page');
    await page.getByRole('link', { name: words.newTab }).click();
    const second = actor(await opened);
    await second.status(words.loggedIn);
    await leave(visitor, words);
    await page.locator(`button.person[value="${person}"]`).click();
    await page.locator('.receipt', { hasText: words.deleted }).waitFor();
    await status(words.anonymous);
    await second.status(words.anonymous, 1_000);
    assert.deepEqual(await visitor.context.cookies(), [], 'the refresh cookie is removed');
    await fits(page);
    assert.deepEqual(await faint(page), []);
    await picture(page, `receipt-${language}`);

    await button(words.login).click();
    await page.locator(`button.person[value="${person}"]`).click();
    await page.locator('.alert.quiet', { hasText: words.later }).waitFor();
    await fits(page);
    await picture(page, `later-${language}`);
    visitor.isClean(403, 409);
    await visitor.context.close();
  });
}

test('a deleted person is unlinked at Kakao and joins again as a new user; a person who unlinks at Kakao is logged out here', async () => {
  const words = WORDS.ko;
  const [leaving, unlinking] = [await newPerson('삭제하는 사람'), await newPerson('연결을 끊는 사람')];
  const [first, second] = [await demo.visit('ko'), await demo.visit('ko')];
  const users = loggedIn(first.page);
  await logIn(first, words, leaving);
  await logIn(second, words, unlinking);
  await first.button(words.remove).click();
  await first.button(words.confirm).click();
  await first.page.locator('.receipt').waitFor();

  const kakao = await second.context.newPage();
  await kakao.goto(demo.standIn);
  await kakao.getByRole('combobox').selectOption(unlinking);
  await kakao.getByRole('button', { name: 'unlink the app' }).click();
  await until(async () => !(await linked(unlinking)), 'the stand-in unlinks');

  // The schedule runs the worker every minute, and the deletion is due a minute after the request.
  const end = Date.now() + 120_000;
  while ((await linked(leaving)) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.equal(await linked(leaving), false, 'unlinked within two minutes');
  await second.page.locator('.alert', { hasText: words.expired }).waitFor({ timeout: Math.max(30_000, end - Date.now()) });
  await kakao.reload();
  await kakao.locator('li', { hasText: '삭제하는 사람' }).filter({ hasText: 'not linked' }).waitFor();

  await until(async () => {
    await first.button(words.login).click();
    await first.page.locator(`button.person[value="${leaving}"]`).click();
    await first.page.locator('.profile, .alert').first().waitFor();
    return first.page.locator('.profile').isVisible();
  }, 'joined again');
  await until(() => users.length === 2, 'both logins');
  assert.notEqual(users[0], users[1], 'a new user');
  for (const { context } of [first, second]) await context.close();
});

async function newPerson(nickname) {
  return (await demo.control('users', { nickname })).name;
}

/** Whether Kakao links the person to the app, as the stand-in's page shows it. */
async function linked(person) {
  const page = await (await fetch(demo.standIn)).text();
  const line = page.split('<li>').find((line) => line.startsWith(`<b>${person}</b>`));
  assert.ok(line, person);
  return !line.includes('not linked');
}

async function logIn({ page, button, status }, words, person) {
  await button(words.login).click();
  await page.locator(`button.person[value="${person}"]`).click();
  await status(words.loggedIn);
}

/** Logs in with an access token, which does not tell when the person last proved to be present. */
async function logInLongAgo({ page, status }, person, words) {
  const { access_token } = await demo.control('tokens', { user: person });
  await page.evaluate(async (token) => {
    const headers = { 'content-type': 'application/json' };
    await fetch('/auth/kakao', { method: 'POST', headers, body: JSON.stringify({ access_token: token }) });
    localStorage.setItem('kakao-auth.session', 'long-ago');
  }, access_token);
  await page.reload();
  await status(words.loggedIn);
}

/** Confirms the deletion, and arrives at Kakao for the login that it needs. */
async function leave({ page, button }, words) {
  await button(words.remove).click();
  await button(words.confirm).click();
  await page.waitForURL(`${demo.standIn}/**`);
}

const lists = (page, count, timeout = 5_000) =>
  page.waitForFunction((count) => document.querySelectorAll('.devices li').length === count, count, { timeout });

/** The session has ended elsewhere: the next call finds that out. */
async function out({ page, button, status }, words) {
  await button(words.call).click();
  await page.locator('.alert', { hasText: words.expired }).waitFor();
  await status(words.anonymous);
}

/** The ids of the users that log in on this page, one after the other. */
function loggedIn(page) {
  const users = [];
  page.on('response', async (response) => {
    const isLogin = new URL(response.url()).pathname === '/auth/kakao' && response.request().method() === 'POST' && response.ok();
    if (isLogin) users.push((await response.json()).user.pk);
  });
  return users;
}
