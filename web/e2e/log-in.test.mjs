import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { EDGE } from './engines/pick.mjs';
import { shows, until, world } from './world.mjs';

let here;
before(async () => (here = await world()));
after(() => here?.stop());
beforeEach(() => here.way.heal());

const isLogin = ({ method, path }) => method === 'POST' && path === '/auth/kakao';
const logins = () => here.way.log.filter(isLogin).length;

test('a user logs in on Kakao’s page and returns to where they started, and StrictMode sends one code', async () => {
  await here.person('라이언 하나');
  const profile = await here.profile();
  const tab = await here.tab(profile, '/cart?step=2');
  await shows(tab, 'anonymous');
  await tab.getByText('Log in with Kakao').click();
  await tab.locator('button', { hasText: '라이언 하나' }).click();
  await shows(tab, 'Hello 라이언 하나');
  assert.equal(await tab.url(), `${here.origin}/cart?step=2`);
  assert.equal(logins(), 1);

  await tab.goBack();
  await tab.waitForLoadState();
  await tab.goForward();
  await shows(tab, 'Hello 라이언 하나');
  assert.equal(logins(), 1, 'neither Back nor Forward sends the code again');
  await tab.reload();
  await shows(tab, 'Hello 라이언 하나');
  assert.equal(logins(), 1);
  await profile.close();
});

test('a login cancelled at Kakao is reported, and no credential is sent', async () => {
  const profile = await here.profile();
  const tab = await here.tab(profile, '/cart');
  await tab.getByText('Log in with Kakao').click();
  await tab.getByText('Cancel').click();
  await shows(tab, 'denied', 'error');
  await shows(tab, 'anonymous');
  assert.equal(await tab.url(), `${here.origin}/cart`);
  assert.equal(logins(), 0);
  await profile.close();
});

test('Kakao’s age restriction is reported as such, and no credential is sent', async () => {
  const profile = await here.profile();
  const tab = await here.tab(profile, '/cart');
  await tab.getByText('Log in with Kakao').click();
  await tab.locator('button.person', { hasText: 'under 14' }).click();
  await shows(tab, 'underage', 'error');
  await shows(tab, 'anonymous');
  assert.equal(await tab.url(), `${here.origin}/cart`);
  assert.equal(logins(), 0);
  await profile.close();
});

test('the API’s age restriction is reported as such', async () => {
  const profile = await here.profile();
  const tab = await here.tab(profile);
  await here.logIn(tab, 'tube').catch(() => {});
  await shows(tab, 'underage', 'error');
  assert.deepEqual(here.way.log.map(({ status }) => status), [400]);
  await profile.close();
});

test('`switchAccount` makes Kakao ask for the password again, and `prompt` overrides it', async () => {
  const profile = await here.profile();
  const tab = await here.tab(profile);
  for (const [options, prompt] of [
    [undefined, null],
    [{ switchAccount: false }, null],
    [{ switchAccount: true }, 'login'],
    [{ switchAccount: true, prompt: 'select_account' }, 'select_account'],
    [{ prompt: 'create' }, 'create'],
  ]) {
    await tab.goto(here.origin);
    await shows(tab, 'anonymous');
    await tab.evaluate((options) => void window.auth.login(options), options);
    await tab.waitForURL(/oauth/);
    assert.equal(new URL(await tab.url()).searchParams.get('prompt'), prompt);
    await tab.locator('button.person').first().waitFor();
  }
  await tab.goto(here.origin);
  await tab.evaluate(() => void window.auth.login({ prompt: 'none' }));
  await shows(tab, 'interaction', 'error');
  await profile.close();
});

test('a logged-in user who cancels a second login stays logged in', async () => {
  const profile = await here.profile();
  const tab = await here.tab(profile);
  await here.logIn(tab, await here.person('Frodo'));
  await tab.getByText('Log in with Kakao').click();
  await tab.getByText('Cancel').click();
  await shows(tab, 'denied', 'error');
  await shows(tab, 'Hello Frodo');
  await profile.close();
});

test('a link with somebody else’s code logs nobody in, and nothing is sent', async () => {
  const profile = await here.profile();
  const tab = await here.tab(profile, '/callback?code=theirs&state=forged');
  await shows(tab, 'state', 'error');
  await shows(tab, 'anonymous');
  assert.equal(await tab.url(), `${here.origin}/callback`);
  assert.equal(here.way.log.length, 0);
  await profile.close();
});

test('a second tab can finish a login that the first one began, as KakaoTalk does', async () => {
  await here.person('라이언 둘');
  const profile = await here.profile();
  const first = await here.tab(profile, '/cart');
  await first.getByText('Log in with Kakao').click();
  await first.waitForURL(/oauth/);
  const second = await profile.newPage();
  await second.goto(await first.url());
  await second.locator('button', { hasText: '라이언 둘' }).click();
  await shows(second, 'Hello 라이언 둘');
  assert.equal(await second.url(), `${here.origin}/cart`);
  await profile.close();
});

test('a login whose response is lost still succeeds', async () => {
  await here.person('라이언 셋');
  const profile = await here.profile();
  const tab = await here.tab(profile);
  let losses = 0;
  here.way.onItsWay = (sent) => (isLogin(sent) && losses++ === 0 ? 'lost' : undefined);
  await tab.getByText('Log in with Kakao').click();
  await tab.locator('button', { hasText: '라이언 셋' }).click();
  await shows(tab, 'Hello 라이언 셋');
  assert.equal(logins(), 2);
  await profile.close();
});

test('a login succeeds if the host redirects the callback to another spelling of its path', { skip: EDGE && 'the edge stack redirects nothing' }, async () => {
  await here.person('라이언 넷');
  for (const path of ['/callback/', '/ko/callback']) {
    here.way.heal();
    const profile = await here.profile();
    const tab = await here.tab(profile, '/cart');
    here.moved.set('/callback', path);
    await tab.getByText('Log in with Kakao').click();
    await tab.locator('button', { hasText: '라이언 넷' }).click();
    await shows(tab, 'Hello 라이언 넷');
    assert.equal(await tab.url(), `${here.origin}/cart`);
    await profile.close();
  }
  here.moved.clear();
});

for (const [what, fate] of [['comes late', 'late'], ['is lost', 'lost']]) {
  test(`a login succeeds if the page is reloaded during the exchange and the response ${what}`, async () => {
    const nickname = `프로도 ${fate}`;
    await here.person(nickname);
    const profile = await here.profile();
    const tab = await here.tab(profile, '/cart');
    let release;
    const held = new Promise((resolve) => (release = resolve));
    here.way.onItsWay = (sent) => {
      if (!isLogin(sent) || logins() > 1) return undefined;
      return held.then(() => fate);
    };
    await tab.getByText('Log in with Kakao').click();
    await tab.locator('button', { hasText: nickname }).click();
    await until(() => logins() === 1, 'the exchange');
    await tab.reload();
    await until(() => logins() === 2, 'the exchange after the reload');
    release();
    await shows(tab, `Hello ${nickname}`);
    assert.equal(await tab.url(), `${here.origin}/cart`);
    assert.equal(await tab.evaluate(() => sessionStorage.length), 0);
    await tab.reload();
    await shows(tab, `Hello ${nickname}`);
    assert.equal(logins(), 2);
    await profile.close();
  });
}

for (const status of [503, 429]) {
  test(`a login that meets one ${status} is retried after Retry-After`, async () => {
    const nickname = `네오 ${status}`;
    await here.person(nickname);
    const profile = await here.profile();
    const tab = await here.tab(profile);
    const at = [];
    here.way.instead = (sent) => {
      if (!isLogin(sent) || at.push(Date.now()) > 1) return undefined;
      return { status, headers: { 'retry-after': '2', 'access-control-expose-headers': 'retry-after' } };
    };
    await tab.getByText('Log in with Kakao').click();
    await tab.locator('button', { hasText: nickname }).click();
    await shows(tab, `Hello ${nickname}`);
    await shows(tab, '', 'error');
    assert.equal(logins(), 2);
    assert.ok(at[1] - at[0] >= 1_900, `${at[1] - at[0]} ms`);
    await profile.close();
  });
}

test('a returnTo that is not a path of this site does not break the login', async () => {
  await here.person('라이언 다섯');
  const profile = await here.profile();
  const tab = await here.tab(profile, '/cart');
  for (const returnTo of ['a blob', 'javascript:alert(1)', 'https://evil.example/', 'http://[', '\\\\evil.example']) {
    await tab.evaluate((returnTo) => {
      const to = returnTo === 'a blob' ? URL.createObjectURL(new Blob(['x'])) : returnTo;
      void window.auth.login({ returnTo: to });
    }, returnTo);
    await tab.locator('button', { hasText: '라이언 다섯' }).click();
    await shows(tab, 'Hello 라이언 다섯');
    await shows(tab, '', 'error');
    assert.equal(await tab.url(), `${here.origin}/`, returnTo);
  }
  await profile.close();
});

test('on dj-rest-auth’s paths a user logs in, comes back and logs out', async () => {
  const profile = await here.profile();
  const tab = await here.tab(profile, '/?dj-rest-auth');
  await here.logIn(tab, await here.person('Con'));
  await shows(tab, 'Hello Con');
  await tab.reload();
  await shows(tab, 'Hello Con');
  assert.equal(await tab.evaluate(() => window.auth.logout()), true);
  await shows(tab, 'anonymous');
  assert.deepEqual(here.way.log.map(({ path, status }) => `${path} ${status}`), [
    '/dj-rest-auth/kakao/ 200',
    '/dj-rest-auth/token/refresh/ 200',
    '/dj-rest-auth/logout/ 200',
  ]);
  await profile.close();
});
