// Walks through the demo page as a visitor does: the built page (`npm run demo`), served by `local`, in Chromium.
// LOCAL_BIN is the binary, CHROMIUM the browser.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { actor, startDemo } from './demo.mjs';
import { faint, fits } from './measure.mjs';

const WORDS = {
  ko: {
    title: '카카오 로그인 데모', login: '카카오 로그인', anonymous: '로그인하지 않음', loggedIn: '로그인됨', offline: '연결 안 됨 · 로그인 유지', checking: '로그인 확인 중…',
    firstVisit: '첫 방문 · 요청 0개', exchanged: '인가 코드 한 번 교환', refreshed: '자동 갱신 → 200', handedOver: '토큰을 넘겨받음 · 요청 0개', loggedOut: '다른 탭에서 로그아웃함',
    call: 'API 호출', forced: '토큰 강제 만료 후 호출', twenty: '강제 만료 후 20개 동시 호출', newTab: '새 탭 열기', refresh: '갱신',
    logout: '로그아웃', everywhere: '모든 기기에서 로그아웃', where: '내 토큰은 어디에 있나요?', close: '닫기', empty: '비어 있음', bytes: '바이트',
    faults: { offline: '오프라인', auth: '인증 서버 503', kakao: '카카오 장애' }, email: /^ryan@/, done: '완료', simulated: '시뮬레이션',
    switching: '카카오가 로그인을 다시 요청해요',
    errors: { denied: '로그인을 취소했어요', underage: '만 14세 미만은', state: '로그인을 다시 시작해 주세요', rejected: '로그인을 확인하지 못했어요', expired: '세션이 만료되어', unavailable: '서버에 연결할 수 없어요', later: '잠시 뒤 다시 로그인' },
  },
  en: {
    title: 'Kakao Login demo', login: 'Login with Kakao', anonymous: 'Not logged in', loggedIn: 'Logged in', offline: 'Offline · still logged in', checking: 'Checking session…',
    firstVisit: 'First visit · 0 requests', exchanged: 'Code exchanged once', refreshed: 'Silent refresh → 200', handedOver: 'Token handed over · 0 requests', loggedOut: 'Logout in another tab',
    call: 'Call API', forced: 'Force expiry, then call', twenty: 'Force expiry, then 20 at once', newTab: 'Open a second tab', refresh: 'refresh',
    logout: 'Log out', everywhere: 'Log out everywhere', where: 'Where is my token?', close: 'Close', empty: 'Empty', bytes: 'bytes',
    faults: { offline: 'Offline', auth: 'Auth server 503', kakao: 'Kakao is down' }, email: /^ryan@/, done: 'done', simulated: 'simulated',
    switching: 'After a logout, Kakao asks you to log in again',
    errors: { denied: 'Login cancelled', underage: 'under 14', state: 'Please start again', rejected: 'could not be confirmed', expired: 'Your session has ended', unavailable: 'Can’t reach the server', later: 'log in again in a moment' },
  },
};

let demo, api, standIn;

before(async () => {
  demo = await startDemo();
  ({ api, standIn } = demo);
});

after(() => demo?.stop());

const visit = (language, options) => demo.visit(language, options);

for (const [language, words] of Object.entries(WORDS)) {
  test(`the 30-second tour in ${language}`, async () => {
    const visitor = await visit(language);
    const { page, status, row, button, result } = visitor;

    await status(words.anonymous);
    await row(words.firstVisit);
    assert.equal(await page.title(), words.title);
    assert.equal(await page.getAttribute('html', 'lang'), language);
    const look = await button(words.login).evaluate((element) => {
      const { backgroundColor, color, borderRadius } = getComputedStyle(element);
      return [backgroundColor, color, borderRadius, getComputedStyle(element.querySelector('svg')).fill];
    });
    assert.deepEqual(look, ['rgb(254, 229, 0)', 'rgba(0, 0, 0, 0.85)', '12px', 'rgb(0, 0, 0)']);
    await fits(page);

    await logIn(visitor, words);
    assert.equal(page.url(), `${api}/`, 'the code has left the address');
    assert.equal(await page.getAttribute('html', 'lang'), language, 'the language is remembered');
    await page.getByRole('heading', { name: '라이언' }).waitFor();

    await row(words.refreshed, 25_000);
    await button(words.call).click();
    await result('1 × 200');
    await button(words.forced).click();
    await result('1 × 401', `1 × ${words.refresh}`, '1 × 200');
    const before = await counters(page);
    await button(words.twenty).click();
    await result('20 × 401', `1 × ${words.refresh}`, '20 × 200');
    const now = await counters(page);
    assert.deepEqual([now.refreshes - before.refreshes, now.retries - before.retries, now.requests - before.requests], [1, 20, 21]);
    await row(`20 × 401 → 1 × ${words.refresh} → 20 × 200`);
    await fits(page);

    await button(words.where).click();
    const drawer = page.getByRole('dialog', { name: words.where });
    await drawer.getByText(new RegExp(`^1\\d\\d ?${words.bytes}$`)).waitFor();
    assert.match(await drawer.innerText(), /__Host-Http-refresh_token/);
    assert.equal(await page.evaluate(() => document.cookie), '');
    const stored = await page.evaluate(() => Object.keys(localStorage).sort());
    assert.deepEqual(stored, ['kakao-auth.session']);
    await fits(page);
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), words.where, 'the focus is back');

    for (const fault of ['offline', 'auth']) {
      const knob = page.getByRole('switch', { name: words.faults[fault], exact: true });
      await knob.click();
      await status(words.offline);
      await page.getByText(words.errors.unavailable).first().waitFor();
      await fits(page);
      await knob.click();
      await status(words.loggedIn);
    }
    await page.getByRole('switch', { name: words.faults.auth }).click();
    await page.reload();
    await status(words.checking);
    await page.getByRole('switch', { name: words.faults.auth }).click();
    await status(words.loggedIn);

    const opened = visitor.context.waitForEvent('page');
    await page.getByRole('link', { name: words.newTab }).click();
    const second = actor(await opened);
    await second.status(words.loggedIn);
    await second.row(words.handedOver);
    assert.equal((await counters(second.page)).requests, 0);
    await button(words.logout).click();
    await second.status(words.anonymous, 1_000);
    await second.row(words.loggedOut);
    await status(words.anonymous);
    await page.getByText(words.switching).waitFor();
    await fits(page);

    await second.page.reload();
    await second.button(words.login).click();
    await second.page.waitForURL(`${standIn}/**`);
    assert.equal(new URL(second.page.url()).searchParams.get('prompt'), 'login', 'the other tab, reloaded, asks for an account too');
    await second.page.locator('button.person').nth(1).click();
    await second.status(words.loggedIn);
    await status(words.loggedIn);
    assert.equal(await page.evaluate(() => localStorage.getItem('demo.switch-account')), null);

    // The faults of the server are real.
    visitor.isClean(503);
    await visitor.context.close();
  });

  test(`error messages in ${language}`, async () => {
    const visitor = await visit(language);
    const { page, status, button } = visitor;
    const says = (text) => page.locator('.alert', { hasText: text }).waitFor();

    await button(words.login).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await says(words.errors.denied);

    await button(words.login).click();
    await page.locator('button.person', { hasText: 'under 14' }).click();
    await says(words.errors.underage);

    await page.goto(`${api}/?code=forged&state=forged`);
    await says(words.errors.state);

    await button(words.login).click();
    await page.waitForURL(`${standIn}/**`);
    const state = new URL(page.url()).searchParams.get('state');
    await page.goto(`${api}/?code=spent&state=${state}`);
    await says(words.errors.rejected);

    await page.getByRole('switch', { name: words.faults.auth }).click();
    await button(words.login).click();
    await page.locator('button.person').first().click();
    await says(words.errors.later);
    await page.getByRole('switch', { name: words.faults.auth }).click();

    await logIn(visitor, words);
    const elsewhere = await visit(language);
    await logIn(elsewhere, words);
    await elsewhere.button(words.everywhere).click();
    await elsewhere.status(words.anonymous);
    await button(words.call).click();
    await says(words.errors.expired);
    await status(words.anonymous);
    await button(words.login).click();
    await page.waitForURL(`${standIn}/**`);
    assert.equal(new URL(page.url()).searchParams.get('prompt'), null, 'nobody logged out here');

    await elsewhere.context.close();
    await visitor.context.close();
  });
}

test('everything can be reached by keyboard, in the order of the page, and has a name', async () => {
  const visitor = await visit('en');
  const words = WORDS.en;
  await logIn(visitor, words);
  const { page } = visitor;
  await page.evaluate(() => document.activeElement?.blur());
  const order = [];
  for (let tabs = 0; tabs < 35; tabs++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      return { name: (element.getAttribute('aria-label') ?? element.textContent ?? '').trim(), outline: `${outlineStyle} ${outlineWidth}` };
    });
    if (!at) break;
    assert.equal(at.outline, 'solid 3px', `${at.name}: the focus is seen`);
    order.push(at.name);
  }
  const expected = [
    '한국어', 'English', words.logout, words.everywhere, words.where, words.call, words.forced, words.twenty, words.newTab,
    words.faults.offline, words.faults.auth, words.faults.kakao, 'Steal only the cookie', 'Steal the cookie and its links', 'Lose the response', 'Rotate the signing key',
    'Two tabs refresh', 'A lost response', 'A stolen cookie', 'The whole profile', 'A call after logout', 'Show devices', 'Download my data', 'Delete my account', 'Unlink at Kakao', '', 'How it works', 'Limits', 'Deploy', 'Quick start', 'curl guide',
  ];
  assert.equal(order.length, expected.length, order.join(' | '));
  expected.forEach((name, index) => assert.ok(order[index].startsWith(name), `${order[index]} at ${name}`));

  const tree = await page.locator('body').ariaSnapshot();
  for (const part of ['- banner:', '- main:', '- contentinfo:', '- navigation "Learn more"', '- heading "My session" [level=2]', '- switch "Offline"', '- region "What happened"']) {
    assert.ok(tree.includes(part), `${part} in\n${tree}`);
  }
  assert.ok(!/- (button|link|switch)(:|$| \[)/m.test(tree), `something has no name:\n${tree}`);
  await visitor.context.close();
});

for (const colorScheme of ['light', 'dark']) {
  test(`text has the contrast of WCAG AA in the ${colorScheme} theme`, async () => {
    const visitor = await visit('ko', { colorScheme });
    assert.deepEqual(await faint(visitor.page), []);
    await logIn(visitor, WORDS.ko);
    await visitor.button(WORDS.ko.twenty).click();
    await visitor.page.locator('.flow', { hasText: '20 × 200' }).waitFor();
    await visitor.page.getByRole('switch').first().click();
    await visitor.status(WORDS.ko.offline);
    assert.deepEqual(await faint(visitor.page), []);
    await visitor.button(WORDS.ko.where).click();
    await visitor.page.getByRole('dialog').waitFor();
    assert.deepEqual(await faint(visitor.page), []);
    await visitor.context.close();
  });
}

test('with reduced motion the ring stands still and the number counts', async () => {
  const visitor = await visit('ko', { reducedMotion: 'reduce' });
  await logIn(visitor, WORDS.ko);
  const ring = () => visitor.page.locator('.ring .left').evaluate((circle) => getComputedStyle(circle).strokeDasharray);
  const first = await ring();
  await visitor.page.waitForTimeout(1_200);
  assert.equal(await ring(), first);
  await visitor.context.close();
});

async function counters(page) {
  return Object.fromEntries(await page.locator('[data-counter]').evaluateAll((all) => all.map((one) => [one.dataset.counter, Number(one.textContent)])));
}

async function logIn({ page, button, status, row }, words) {
  await button(words.login).click();
  await page.locator('button.person').first().click();
  await status(words.loggedIn);
  await row(words.exchanged);
}
