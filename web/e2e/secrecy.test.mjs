import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { call, freePorts, server, shows, token, world } from './world.mjs';

let here;
before(async () => (here = await world()));
after(() => here?.stop());
beforeEach(() => here.way.heal());

async function loggedIn() {
  await here.person('라이언');
  const profile = await here.profile();
  const tab = await here.tab(profile, '/cart');
  await tab.getByText('Log in with Kakao').click();
  await tab.locator('button', { hasText: '라이언' }).last().click();
  await shows(tab, 'Hello 라이언');
  return { profile, tab };
}

test('another origin is sent no token, even one that asks for it', async () => {
  const { profile, tab } = await loggedIn();
  const [port] = await freePorts(1);
  const seen = [];
  const foreign = await server(port, here.tls, (request, response) => {
    seen.push({ method: request.method, ...request.headers });
    response.writeHead(200, {
      'access-control-allow-origin': request.headers.origin ?? '*',
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'authorization',
    });
    response.end();
  });
  assert.equal(await tab.evaluate(async (url) => (await window.auth.fetch(url)).status, foreign.url), 200);
  assert.equal(seen.length, 1);
  assert.equal(seen[0].authorization, undefined);
  foreign.stop();
  await profile.close();
});

test('no token is kept where another script, a log or a user could find it later', async () => {
  const { profile, tab } = await loggedIn();
  const first = await token(tab);
  here.way.dead.add(first);
  assert.deepEqual(await call(tab), [200]);
  const tokens = [first, await token(tab)];
  assert.equal(new Set(tokens).size, 2);
  const refresh = (await profile.cookies(here.api)).find(({ name }) => name.endsWith('refresh_token'));
  assert.equal(refresh.httpOnly, true);

  const open = await tab.evaluate(() => ({
    localStorage: JSON.stringify({ ...localStorage }),
    sessionStorage: JSON.stringify({ ...sessionStorage }),
    cookie: document.cookie,
    address: location.href,
    history: JSON.stringify(history.state) ?? '',
    page: document.documentElement.outerHTML,
    events: JSON.stringify(window.events),
    state: JSON.stringify(window.auth.getState()),
    client: JSON.stringify(Object.entries(window.auth).map(([name, value]) => [name, String(value)])),
  }));
  for (const [place, text] of Object.entries(open)) {
    // Any part would do: a JWT's signature, or the cookie's beginning.
    for (const secret of [...tokens.flatMap((jwt) => jwt.split('.')), refresh.value.slice(0, 20)]) {
      assert.ok(!text.includes(secret), `a token in ${place}`);
    }
  }
  assert.match(open.localStorage, /^\{"kakao-auth\.session":"[\w-]{43}"\}$/, 'one random id, and nothing of the login');
  assert.equal(open.sessionStorage, '{}');
  assert.equal(open.cookie, '');
  for (const { path } of here.way.log) for (const secret of tokens) assert.ok(!path.includes(secret));
  await profile.close();
});

test('the refresh cookie is sent to refresh, and not along with ordinary calls', async () => {
  const { profile, tab } = await loggedIn();
  here.way.dead.add(await token(tab));
  await call(tab);
  for (const { path, headers } of here.way.log) {
    assert.equal(Boolean(headers.cookie?.includes('refresh_token')), path === '/auth/refresh', path);
  }
  await profile.close();
});
