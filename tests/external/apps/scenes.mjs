// What a visitor sees in every app. `here()` returns the app that is under test.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { shows, until } from '../../../web/e2e/world.mjs';

const CART = '/cart?step=2';

/** Notes every text that an element with one of these ids has ever shown, across documents of the tab. */
function watch() {
  const ids = ['page', 'who', 'error'];
  const last = {};
  const look = () => {
    for (const id of ids) {
      const text = document.getElementById(id)?.textContent ?? '';
      if (!text || last[id] === text) continue;
      last[id] = text;
      sessionStorage.setItem('shown', JSON.stringify([...JSON.parse(sessionStorage.getItem('shown') ?? '[]'), `${id}: ${text}`]));
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
}

/** A browser whose page's errors are collected. */
async function browser(here) {
  const profile = await here.profile();
  await profile.addInitScript(watch);
  const errors = [];
  profile.on('weberror', (error) => errors.push(String(error.error())));
  // Kakao's page has no icon.
  const isOurs = (message) => !message.location().url.startsWith(here.kakao);
  profile.on('console', (message) => message.type() === 'error' && isOurs(message) && errors.push(`${message.text()} ${message.location().url}`));
  return { profile, errors };
}

const shown = (tab) => tab.evaluate(() => JSON.parse(sessionStorage.getItem('shown') ?? '[]'));
const forget = (tab) => tab.evaluate(() => sessionStorage.removeItem('shown'));
/** The login button's label is what every app shows; Kakao's page has other buttons. */
const toKakao = async (tab) => {
  await forget(tab);
  await tab.locator('#login').click();
  await tab.waitForURL(/oauth/);
};

/** Logs a person in from the private page. */
export async function logIn(here, tab, nickname) {
  await here.person(nickname);
  await tab.goto(here.origin + CART);
  await shows(tab, 'anonymous');
  await toKakao(tab);
  await tab.locator('button', { hasText: nickname }).click();
  await shows(tab, `Hello ${nickname}`);
  await shows(tab, 'cart step 2', 'page');
}

/** `placeholder`: what the app shows while the code is exchanged, if a router goes to the page afterwards (`isRouted`) or a document does. */
export function scenes(here, { placeholder = [], isRouted = false } = {}) {
  let profile, errors, tab;
  beforeEach(async () => {
    await profile?.close();
    here().way.heal();
    ({ profile, errors } = await browser(here()));
    tab = await profile.newPage();
  });

  /** What may be seen on the way back: the page where the login started, and before it a placeholder of the callback. */
  async function onlyShown(who) {
    const seen = await shown(tab);
    const allowed = ['page: cart step 2', ...placeholder, ...who];
    assert.deepEqual(seen.filter((text) => !allowed.includes(text)), [], 'nothing else flashes');
    for (const text of who.slice(-1)) assert.ok(seen.includes(text), `${text} in ${seen}`);
  }

  test('a user logs in from a deep page and is back there, with no other page and no login button in between', async () => {
    await logIn(here(), tab, '라이언 하나');
    await shows(tab, '라이언 하나', 'profile');
    assert.equal(tab.url(), here().origin + CART);
    await onlyShown(['who: unknown', 'who: Hello 라이언 하나']);
    const seen = await shown(tab);
    if (isRouted) assert.ok(seen.indexOf('who: Hello 라이언 하나') < seen.indexOf('page: cart step 2'), `the exchange comes first: ${seen}`);
    assert.equal(here().way.count('/auth/kakao'), 1, 'the code is sent once');
    await tab.goBack();
    await tab.waitForLoadState();
    await tab.goForward();
    await shows(tab, 'Hello 라이언 하나');
    assert.equal(here().way.count('/auth/kakao'), 1, 'neither Back nor Forward sends it again');
    assert.deepEqual(errors, []);
  });

  test('a login that is cancelled at Kakao comes back to the same page, and says so', async () => {
    await tab.goto(here().origin + CART);
    await shows(tab, 'anonymous');
    await toKakao(tab);
    await tab.getByText('Cancel').click();
    await shows(tab, 'denied', 'error');
    await shows(tab, 'cart step 2', 'page');
    assert.equal(tab.url(), here().origin + CART);
    await onlyShown(['who: unknown', 'who: anonymous', 'error: denied']);
    assert.deepEqual(errors, []);
  });

  test('a reload while the code is being exchanged sends it again, and the user is back all the same', async () => {
    const logins = () => here().way.count('/auth/kakao');
    let release;
    const held = new Promise((resolve) => (release = resolve));
    here().way.onItsWay = ({ method, path }) => (method === 'POST' && path === '/auth/kakao' && logins() < 2 ? held.then(() => 'lost') : undefined);
    await here().person('라이언 여섯');
    await tab.goto(here().origin + CART);
    await toKakao(tab);
    await tab.locator('button', { hasText: '라이언 여섯' }).click();
    await until(() => logins() === 1, 'the exchange');
    await tab.reload();
    await until(() => logins() === 2, 'the exchange after the reload');
    release();
    await shows(tab, 'Hello 라이언 여섯');
    await shows(tab, 'cart step 2', 'page');
    await shows(tab, '', 'error');
    assert.equal(tab.url(), here().origin + CART);
  });

  test('a private page shows its content to a user only, and a link from another page keeps the user', async () => {
    await tab.goto(here().origin + CART);
    await shows(tab, 'anonymous');
    assert.equal(await tab.locator('#profile').count(), 0);
    await logIn(here(), tab, '라이언 둘');
    await shows(tab, '라이언 둘', 'profile');
    await tab.locator('#home').click();
    await shows(tab, 'home', 'page');
    await shows(tab, 'Hello 라이언 둘');
    assert.equal(await tab.locator('#profile').count(), 0);
    await tab.locator('#cart').click();
    await shows(tab, '라이언 둘', 'profile');
    assert.deepEqual(errors, []);
  });

  test('a reload keeps the user, without the login button', async () => {
    await logIn(here(), tab, '라이언 셋');
    // A reload would cut off the request for it.
    await shows(tab, '라이언 셋', 'profile');
    await forget(tab);
    await tab.reload();
    await shows(tab, 'Hello 라이언 셋');
    await shows(tab, '라이언 셋', 'profile');
    assert.equal(tab.url(), here().origin + CART);
    await onlyShown(['who: unknown', 'who: Hello 라이언 셋']);
    assert.deepEqual(errors, []);
  });

  test('a logout hides the private page at once, and a reload does not bring it back', async () => {
    await logIn(here(), tab, '라이언 넷');
    await shows(tab, '라이언 넷', 'profile');
    await tab.locator('#logout').click();
    await shows(tab, 'anonymous');
    assert.equal(await tab.locator('#profile').count(), 0);
    assert.equal(tab.url(), here().origin + CART);
    await tab.reload();
    await shows(tab, 'anonymous');
    assert.equal(await tab.locator('#profile').count(), 0);
    assert.equal((await profile.cookies(here().api)).length, 0);
    assert.deepEqual(errors, []);
  });

  test('an unknown path is not found, so that the tests above would notice', async () => {
    await tab.goto(`${here().origin}/nowhere`);
    await shows(tab, 'not found', 'page');
  });
}
