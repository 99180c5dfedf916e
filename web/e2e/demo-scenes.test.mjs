// Plays the scenes of the demo page: a stolen cookie, one with its links, a lost response with an hour of silence, a rotation of keys.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { picture, startDemo } from './demo.mjs';
import { faint, fits } from './measure.mjs';

const WORDS = {
  ko: {
    login: '카카오 로그인', loggedIn: '로그인됨', anonymous: '로그인하지 않음', call: 'API 호출', expired: '세션이 만료되어', refreshed: '자동 갱신 → 200',
    cookie: '쿠키만 훔치기', profile: '쿠키와 링크를 모두 훔치기', silence: '응답을 잃고 탭을 닫았다가', keys: '서명 키를 지금 교체하기', rotated: '아무도 로그아웃되지 않았고',
    worthless: '훔친 쿠키는 쓸모가 없었고', found: '들켰어요', stillIn: '아직 로그인되어 있어요', noResponse: '응답 없음',
    thief: (has) => `도둑: ${has ? '쿠키와 링크로' : '쿠키만으로'} POST /auth/refresh →`, ended: '서버가 세션을 끝냄', hour: '서버 시계를 1시간 앞으로 돌림', later: '서버 시계를 1시간 31분 앞으로 돌림',
    lost: '200 응답이 오다가 사라짐', resumed: '쿠키와 링크로 세션을 이어감', where: '내 토큰은 어디에 있나요?', link: /있음 · \d+번째/, again: '로그인하면 다시 해 볼 수 있어요',
    sides: ['나', '도둑', '다른 서비스'], out: '로그아웃됨', token: '토큰을 받음', nothing: '아무것도 못 얻음', accepts: '토큰을 받아들임',
  },
  en: {
    login: 'Login with Kakao', loggedIn: 'Logged in', anonymous: 'Not logged in', call: 'Call API', expired: 'Your session has ended', refreshed: 'Silent refresh → 200',
    cookie: 'Steal only the cookie', profile: 'Steal the cookie and its links', silence: 'Lose the response, close the tab', keys: 'Rotate the signing key now', rotated: 'The key changed, nobody was logged out',
    worthless: 'The stolen cookie was worthless', found: 'Found.', stillIn: 'You are still logged in', noResponse: 'no response',
    thief: (has) => `Thief with ${has ? 'cookie and links' : 'the cookie only'}: POST /auth/refresh →`, ended: 'The server ended the session', hour: 'Server’s clock set 1 h ahead', later: 'Server’s clock set 1 h 31 min ahead',
    lost: 'Response 200 lost on the way', resumed: 'Session resumed with cookie and link', where: 'Where is my token?', link: /Present · number \d+/, again: 'Log in to play again',
    sides: ['You', 'Thief', 'Another service'], out: 'Logged out', token: 'Has a token', nothing: 'Got nothing', accepts: 'Accepts the token',
  },
};

let demo;
before(async () => (demo = await startDemo()));
after(() => demo?.stop());

for (const [language, words] of Object.entries(WORDS)) {
  const width = language === 'ko' ? 390 : 1280;
  test(`the scenes in ${language}, ${width} px wide`, async () => {
    const visitor = await demo.visit(language, { viewport: { width, height: 844 } });
    const { page, context, status, row, button, result } = visitor;
    const outcome = (text) => page.locator('.outcome.good', { hasText: text }).waitFor({ timeout: 15_000 });
    const steps = () => page.locator('.played li b').allInnerTexts();
    /** How owner and other stand, and the log's line. */
    const sides = async () => (await page.locator('.side').allInnerTexts()).map((text) => text.split(/\s*\n\s*/));
    const log = async () => JSON.parse(await page.locator('.played .log').innerText());
    const cookies = async () => (await context.cookies(demo.api)).map(({ value }) => value);
    const shown = async (name) => {
      await fits(page);
      assert.deepEqual(await faint(page), []);
      await picture(page, `scene-${name}-${language}`);
    };
    await logIn(visitor, words);
    const cookie = await cookies();

    await button(words.cookie).click();
    await outcome(words.worthless);
    assert.deepEqual(await steps(), ['→ 403 link_required', '→ 200']);
    await row(`${words.thief(false)} 403 link_required`);
    const [me, thief, service] = words.sides;
    assert.deepEqual(await sides(), [[me, words.loggedIn], [thief, words.nothing]]);
    const { timestamp, ...line } = await log();
    assert.match(timestamp, /^\d\d:\d\d:\d\d$/);
    assert.deepEqual(line, { level: 'WARN', event: 'refresh_unlinked', message: 'The token of a linked session came without its links' });
    await status(words.loggedIn);
    await shown('cookie');

    await button(words.silence).click();
    await row(words.lost, 10_000);
    await outcome(words.stillIn);
    assert.deepEqual(await steps(), ['→ 200', '→ 200']);
    for (const text of [`POST /auth/refresh → ${words.noResponse}`, words.lost, words.hour, words.resumed]) await row(text);
    const rows = await page.locator('.row .text').allInnerTexts();
    const between = rows.slice(rows.indexOf(words.resumed), rows.indexOf(words.lost));
    assert.deepEqual(between.filter((text) => text === words.refreshed), [], 'nobody asked again before the page was closed');
    await status(words.loggedIn);
    await button(words.call).click();
    await result('1 × 200');
    assert.deepEqual(await cookies(), cookie, 'no response has replaced the cookie');
    await shown('silence');

    await button(words.keys).click();
    await outcome(words.rotated);
    await row(words.later);
    assert.deepEqual(await steps(), ['→ 200', '→ 200', '→ 200'], 'the other service accepted every token');
    const [before, first, same, second, after, last] = await page.locator('.kid code').allInnerTexts();
    assert.deepEqual([first, same, second], [before, before, before], 'a published key does not sign yet');
    assert.equal(last, after);
    assert.notEqual(after, before);
    assert.deepEqual(await sides(), [[me, words.loggedIn], [service, words.accepts]]);
    await status(words.loggedIn);
    await shown('keys');

    await button(words.where).click();
    await page.getByRole('dialog').getByText(words.link).waitFor();
    await shown('where');
    await page.keyboard.press('Escape');

    await button(words.profile).click();
    await page.locator('.side', { hasText: words.token }).waitFor();
    assert.deepEqual(await sides(), [[me, words.loggedIn], [thief, words.token]], 'until the owner comes back');
    await outcome(words.found);
    assert.deepEqual(await steps(), ['→ 200', '→ 401', '→ 401 token_not_valid']);
    for (const text of [`${words.thief(true)} 200`, `${words.thief(true)} 401 token_not_valid`, words.ended]) await row(text);
    await status(words.anonymous);
    assert.deepEqual(await sides(), [[me, words.out], [thief, words.out]]);
    assert.equal((await log()).event, 'refresh_reuse');
    await page.locator('.alert', { hasText: words.expired }).waitFor();
    await shown('profile');

    await page.getByText(words.again).waitFor();
    await button(words.cookie).click({ force: true });
    assert.equal(await page.locator('.outcome', { hasText: words.found }).count(), 1, 'without a session nothing is played');
    await logIn(visitor, words);
    await button(words.cookie).click();
    await outcome(words.worthless);
    visitor.isClean(401);
    await context.close();
  });
}

test('a scene turns the faults off, and the other tab stays logged in while an hour passes', async () => {
  const words = WORDS.en;
  const visitor = await demo.visit('en');
  await logIn(visitor, words);
  const other = await visitor.context.newPage();
  await other.goto(demo.api);
  await other.locator('.card-head [role=status]', { hasText: words.loggedIn }).waitFor();
  await visitor.page.getByRole('switch', { name: 'Offline' }).click();
  await visitor.button(words.silence).click();
  await visitor.page.locator('.outcome.good', { hasText: words.stillIn }).waitFor({ timeout: 15_000 });
  assert.equal(await visitor.page.getByRole('switch', { name: 'Offline' }).getAttribute('aria-checked'), 'false');
  await other.getByRole('button', { name: /^Call API/ }).click();
  await other.locator('.flow', { hasText: '1 × 200' }).waitFor();
  await visitor.context.close();
});

async function logIn({ page, button, status }, words) {
  await button(words.login).click();
  await page.locator('button.person').first().click();
  await status(words.loggedIn);
}
