// What the demo page counts, breaks and replays: the tour's ticks, real faults, and the recording beside dj-rest-auth.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { actor, picture, startDemo } from './demo.mjs';
import { faint, fits } from './measure.mjs';

const WORDS = {
  ko: {
    login: '카카오 로그인', loggedIn: '로그인됨', anonymous: '로그인하지 않음', logout: '로그아웃', refreshed: '자동 갱신 → 200', twenty: '강제 만료 후 20개 동시 호출', newTab: '새 탭 열기', offline: '오프라인', auth: '인증 서버 503', kakao: '카카오 장애',
    simulated: '시뮬레이션', later: '잠시 뒤 다시 로그인', noEmail: '이메일을 제공하지 않았어요', withhold: '이메일 제공 안 함',
    replay: 'dj-rest-auth와 나란히 보기', replays: ['탭 두 개가 동시에 갱신', '응답 유실', '쿠키 도난', '프로필 전체 도난', '로그아웃 뒤 호출'], trials: (both, of) => `${of}번 중 ${both}번`,
  },
  en: {
    login: 'Login with Kakao', loggedIn: 'Logged in', anonymous: 'Not logged in', logout: 'Log out', refreshed: 'Silent refresh → 200', twenty: 'Force expiry, then 20 at once', newTab: 'Open a second tab', offline: 'Offline', auth: 'Auth server 503', kakao: 'Kakao is down',
    simulated: 'simulated', later: 'log in again in a moment', noEmail: 'No email shared', withhold: 'do not share the email',
    replay: 'Side by side with dj-rest-auth', replays: ['Two tabs refresh at once', 'A lost response', 'A stolen cookie', 'The whole profile stolen', 'A call after logout'], trials: (both, of) => `${both} times of ${of}`,
  },
};

let demo;
before(async () => (demo = await startDemo()));
after(() => demo?.stop());

for (const [language, words] of Object.entries(WORDS)) {
  test(`the steps of the tour are ticked off in ${language}, and nothing else ticks them`, async () => {
    const visitor = await demo.visit(language);
    const { page, context, button, status, row } = visitor;
    const done = async () => (await page.locator('.steps li').evaluateAll((all) => all.map((one) => one.dataset.done === 'true'))).map(Number).join('');
    await status(words.anonymous);
    assert.equal(await done(), '00000');
    await logIn(visitor, words);
    assert.equal(await done(), '10000');
    await page.getByText('ryan@example.com', { exact: true }).waitFor();
    await button(words.twenty).click();
    await page.locator('.flow', { hasText: '20 × 200' }).waitFor();
    await row(words.refreshed);
    assert.equal(await done(), '11100');
    await page.getByRole('switch', { name: words.offline }).click();
    await page.getByRole('switch', { name: words.offline }).click();
    assert.equal(await done(), '11101');
    await button(words.logout).click();
    await status(words.anonymous);
    assert.equal(await done(), '11101', 'there was no second tab');
    await page.reload();
    assert.equal(await done(), '11101', 'remembered');
    await logIn(visitor, words, 1);
    const opened = context.waitForEvent('page');
    await page.getByRole('link', { name: words.newTab }).click();
    const second = actor(await opened);
    await second.status(words.loggedIn);
    await second.button(words.logout).click();
    await status(words.anonymous);
    assert.equal(await done(), '11111');
    await fits(page);
    await picture(page, `tour-${language}`);
    visitor.isClean();
    await context.close();
  });

  test(`faults of the server are real in ${language}: one for every browser, and only being offline is simulated`, async () => {
    const visitor = await demo.visit(language);
    const { page, button, status, row } = visitor;
    await logIn(visitor, words);
    const knob = (name) => page.getByRole('switch', { name, exact: true });
    const isOn = async (name, on) => page.locator(`[role=switch][aria-label="${name}"][aria-checked=${on}]`).waitFor();
    assert.equal(await page.locator('.switch .badge').count(), 1);
    await page.locator('.switch', { hasText: words.offline }).getByText(words.simulated).waitFor();
    const refresh = async () => (await fetch(`${demo.api}/auth/refresh`, { method: 'POST' })).status;
    const meAtKakao = () => fetch(`${demo.standIn}/v2/user/me`).then(({ status }) => status, () => 'no response');

    await knob(words.auth).click();
    await isOn(words.auth, true);
    await row('POST /auth/refresh → 503');
    assert.deepEqual([await refresh(), await meAtKakao()], [503, 401], 'another client gets it too');
    const other = await demo.visit(language);
    await other.page.locator(`[role=switch][aria-label="${words.auth}"][aria-checked=true]`).waitFor();
    await other.page.getByRole('switch', { name: words.auth }).click();
    await other.page.locator(`[role=switch][aria-label="${words.auth}"][aria-checked=false]`).waitFor();
    assert.equal(await refresh(), 401, 'it works again');
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await isOn(words.auth, false);
    await status(words.loggedIn, 20_000);

    await knob(words.kakao).click();
    await isOn(words.kakao, true);
    await row(words.refreshed);
    assert.deepEqual([await refresh(), await meAtKakao()], [401, 'no response']);
    await picture(page, `faults-${language}`);
    await other.button(words.login).click();
    await other.page.locator('button.person').first().click();
    await other.page.locator('.alert', { hasText: words.later }).waitFor();
    await other.row('POST /auth/kakao → 503');
    await status(words.loggedIn);
    await knob(words.kakao).click();
    await isOn(words.kakao, false);
    assert.equal(await meAtKakao(), 401);
    await logIn(other, words);
    await other.context.close();
    visitor.isClean(503);
    await visitor.context.close();
  });

  test(`the recording beside dj-rest-auth says in ${language} what was recorded`, async () => {
    const visitor = await demo.visit(language, { viewport: { width: language === 'ko' ? 390 : 1280, height: 844 } });
    const { page, context } = visitor;
    const { scenes, trials, versions, recorded_on: date } = JSON.parse(await readFile(new URL('../demo/src/replay/recording.json', import.meta.url), 'utf8'));
    const card = page.getByRole('region', { name: words.replay });
    await card.getByText(date).waitFor();
    await card.getByText(`dj-rest-auth ${versions['dj-rest-auth']}`).waitFor();
    for (const [index, [name, { ours, django }]] of Object.entries(scenes).entries()) {
      await card.getByRole('button', { name: words.replays[index] }).click();
      await card.locator('.verdict').waitFor({ timeout: 10_000 });
      const expected = ours.flatMap((said, step) => [said, django[step]]).map(({ status, code, outcomes }) =>
        outcomes ? words.trials(outcomes['200, 200'], trials) : `→ ${status} ${code ?? ''}`.trim(),
      );
      const shown = await card.locator('.answer b').allInnerTexts();
      assert.equal(shown.length, expected.length, name);
      expected.forEach((text, step) => assert.ok(shown[step].includes(text), `${name}: ${shown[step]} is not ${text}`));
      await fits(page);
      assert.deepEqual(await faint(page), []);
      await picture(page, `replay-${name}-${language}`);
    }
    visitor.isClean();
    await context.close();
  });
}

test('what the page says of the recording is what was recorded', async () => {
  const { scenes } = JSON.parse(await readFile(new URL('../demo/src/replay/recording.json', import.meta.url), 'utf8'));
  const said = (name, side) => scenes[name][side].map(({ status }) => status);
  const [race] = scenes.race.ours;
  assert.deepEqual(race.outcomes, { '200, 200': 100 }, 'nobody is ever logged out');
  assert.ok(scenes.race.django[0].outcomes['200, 401'] > 0 && scenes.race.django[0].outcomes['200, 200'] > 0);
  assert.deepEqual([said('lost', 'ours'), said('lost', 'django')], [[200, 200], [200, 401]]);
  assert.deepEqual([said('cookie', 'ours'), said('cookie', 'django')], [[403, 200, 403], [200, 401, 200]]);
  assert.deepEqual([said('everything', 'ours'), said('everything', 'django')], [[200, 401, 401], [200, 401, 200]]);
  assert.deepEqual([said('logout', 'ours'), said('logout', 'django')], [[200, 401], [200, 200]]);
});

test('a person who keeps the email to themselves sees that none was shared', async () => {
  const visitor = await demo.visit('en');
  await visitor.button(WORDS.en.login).click();
  await visitor.page.getByText(WORDS.en.withhold).click();
  await visitor.page.locator('button.person').nth(2).click();
  await visitor.status(WORDS.en.loggedIn);
  await visitor.page.getByText(WORDS.en.noEmail).waitFor();
  await visitor.context.close();
});

test('a browser that keeps no Secure cookie over http gets another one, and the page says so', async () => {
  // Chromium keeps it; the gateway goes by the name.
  const safari = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15';
  const words = WORDS.ko;
  const visitor = await demo.visit('ko', { userAgent: safari });
  const { page, context } = visitor;
  await logIn(visitor, words);
  const note = '이 컴퓨터의 게이트웨이만 쿠키 이름에서 __Host-Http-를';
  await page.locator('.development', { hasText: note }).waitFor();
  assert.deepEqual((await context.cookies(demo.api)).map(({ name, secure, httpOnly }) => [name, secure, httpOnly]), [['refresh_token', false, true]]);
  await visitor.button('내 토큰은 어디에 있나요?').click();
  const drawer = page.getByRole('dialog');
  await drawer.getByText(note).waitFor();
  await drawer.getByText('refresh_token', { exact: true }).waitFor();
  await fits(page);
  await picture(page, 'development-cookie-ko');
  await page.keyboard.press('Escape');
  await page.reload();
  await visitor.status(words.loggedIn);
  await visitor.button('쿠키만 훔치기').click();
  await page.locator('.outcome.good').waitFor({ timeout: 15_000 });
  visitor.isClean();
  await context.close();

  const other = await demo.visit('ko');
  await logIn(other, words);
  assert.equal(await other.page.locator('.development').count(), 0, 'others keep theirs');
  await other.context.close();
});

async function logIn({ page, button, status }, words, person = 0) {
  await button(words.login).click();
  await page.locator('button.person').nth(person).click();
  await status(words.loggedIn);
}
