// What a visitor, another site and a stranger meet at the edge stack, in front of the API itself.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { originSecret } from '../../web/e2e/edge.mjs';
import { api, freePorts } from '../../web/e2e/world.mjs';
import { listen } from './edge.mjs';

const { secret, settings } = originSecret();
const PAGE = '<!doctype html><title>The page</title>';
/** The address that the edge sees. */
let viewer = '203.0.113.77';
let site, local, edge, direct, kakao;

before(async () => {
  const [port, kakaoPort, , , edgePort] = await freePorts(5);
  [direct, kakao] = [port, kakaoPort].map((port) => `http://localhost:${port}`);
  const url = `http://localhost:${edgePort}`;
  site = await mkdtemp(join(tmpdir(), 'kakao-login-site-'));
  await mkdir(join(site, 'assets'));
  await mkdir(join(site, '.well-known'));
  await writeFile(join(site, 'index.html'), PAGE);
  await writeFile(join(site, 'assets/index-1a2b.js'), 'export {};');
  await writeFile(join(site, '.well-known/apple-app-site-association'), '{}');
  local = await api(port, { ...settings, ISSUER: url, ALLOWED_ORIGINS: url, REDIRECT_URIS: `${url}/`, CALLBACK_URI: `${url}/auth/kakao/callback`, COMPATIBILITY: 'none' });
  edge = await listen({ api: direct, site, parameters: { OriginSecret: secret }, viewer: () => viewer }, edgePort);
});
after(async () => {
  await edge?.stop();
  await local?.stop();
  if (site) await rm(site, { recursive: true });
});

/** Sends a request as it is written, to the edge or to another address. Several values of a header are several headers. */
function ask(method, path, { headers = {}, body, to = edge.url } = {}) {
  const text = body === undefined ? '' : JSON.stringify(body);
  const json = text && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const request = http.request(to, { method, path, headers: { ...json, ...headers } }, async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      const answer = Buffer.concat(chunks).toString();
      const isJson = response.headers['content-type'] === 'application/json';
      resolve({ status: response.statusCode, headers: response.headers, text: answer, json: isJson ? JSON.parse(answer) : undefined });
    });
    request.on('error', reject).end(text);
  });
}

async function kakaoToken(user = 'ryan') {
  const response = await fetch(`${kakao}/control/tokens`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user }) });
  return (await response.json()).access_token;
}

/** A login with these headers: its response, and the cookie that a browser would send. */
async function logIn(headers = {}, user = 'ryan') {
  const response = await ask('POST', '/auth/kakao', { headers, body: { access_token: await kakaoToken(user) } });
  const cookie = response.headers['set-cookie']?.at(-1).split(';')[0];
  return { ...response, cookie, bearer: { authorization: `Bearer ${response.json?.access}` } };
}

test('cookies pass both ways, with all that they say, among others', async () => {
  const { status, headers, cookie } = await logIn({ origin: edge.url });
  assert.equal(status, 200);
  const [, ...attributes] = headers['set-cookie'].at(-1).split('; ');
  for (const expected of ['Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict']) assert.ok(attributes.includes(expected), `${expected} in ${attributes}`);
  const sent = { origin: edge.url, cookie: `theme=dark; ${cookie}; other="a b"` };
  assert.equal((await ask('POST', '/auth/refresh', { headers: sent })).status, 200);
  const out = await ask('POST', '/auth/logout', { headers: sent });
  assert.ok(out.headers['set-cookie'].some((line) => line.includes('Max-Age=0')), `${out.headers['set-cookie']}`);
  assert.equal((await ask('POST', '/auth/refresh', { headers: sent })).status, 401);
});

test('a session has the address of its visitor, whatever address the visitor sends', async () => {
  const forged = [
    {},
    { 'x-viewer-ip': '198.51.100.9' },
    { 'x-viewer-ip': ['198.51.100.9', '198.51.100.10'], 'x-forwarded-for': '198.51.100.9' },
    { 'X-Viewer-IP': '198.51.100.9', 'x-origin-secret': 'forged' },
    { 'x-origin-secret': ['forged', 'forged'], 'cloudfront-viewer-address': '198.51.100.9:1', forwarded: 'for=198.51.100.9' },
  ];
  for (const [ip, network] of [['203.0.113.77', '203.0.113.0/24'], ['2001:db8:1:2::9', '2001:db8:1::/48']]) {
    viewer = ip;
    for (const headers of forged) {
      const { status, bearer } = await logIn(headers);
      assert.equal(status, 200, JSON.stringify(headers));
      const { sessions } = (await ask('GET', '/auth/sessions', { headers: bearer })).json;
      assert.equal(sessions.find(({ current }) => current).ip_prefix, network, JSON.stringify(headers));
    }
  }
});

test('the API answers nobody who comes past the edge', async () => {
  const { bearer, cookie } = await logIn();
  for (const headers of [{}, { 'x-origin-secret': 'forged' }, { 'x-origin-secret': [secret, secret] }, { 'x-viewer-ip': '203.0.113.77' }]) {
    for (const [method, path] of [['POST', '/auth/kakao'], ['POST', '/auth/refresh'], ['GET', '/auth/profile'], ['GET', '/.well-known/jwks.json'], ['POST', '/webhooks/kakao/unlink']]) {
      const { status, json } = await ask(method, path, { to: direct, headers: { ...bearer, cookie, ...headers } });
      assert.deepEqual([status, json.code], [403, 'wrong_address'], `${method} ${path}`);
    }
  }
  assert.equal((await ask('GET', '/auth/profile', { to: direct, headers: { ...bearer, 'x-origin-secret': secret } })).status, 200);
});

test('no response names the API’s own address or the secret', async () => {
  const { port } = new URL(direct);
  for (const [method, path] of [['GET', '/'], ['GET', '/x.js'], ['GET', '/.well-known/openid-configuration'], ['POST', '/auth/refresh'], ['GET', '/auth/kakao/login'], ['GET', '/auth/nothing']]) {
    const { headers, text } = await ask(method, path);
    for (const secrecy of [`localhost:${port}`, secret]) assert.ok(!`${JSON.stringify(headers)}${text}`.includes(secrecy), `${path} has ${secrecy}`);
  }
});

test('what one visitor gets, no other does', async () => {
  const [ryan, muzi] = [await logIn(), await logIn({}, 'muzi')];
  const names = new Set();
  for (let n = 0; n < 3; n++) {
    for (const { json, bearer } of [ryan, muzi]) {
      const profile = await ask('GET', '/auth/profile', { headers: bearer });
      assert.equal(profile.json.nickname, json.user.nickname);
      assert.equal(profile.headers['x-cache'], 'Miss from cloudfront');
      names.add(profile.json.nickname);
    }
    assert.equal((await ask('GET', '/auth/profile')).status, 401);
  }
  assert.equal(names.size, 2);
});

test('every route of the template leads to the API, with and without a slash', async () => {
  const template = await readFile(new URL('../../template.yaml', import.meta.url), 'utf8');
  const routes = [...template.matchAll(/Method: (\w+), Path: "?([^"\s]+)"? \}/g)].map(([, method, path]) => [method, path.replace('{proxy+}', '').replace('{id}', '0123456789abcdefghijkl')]);
  assert.ok(routes.length > 50, `${routes}`);
  for (const [method, path] of routes) {
    // The folder is the site's: only the two files are the API's.
    if (path.startsWith('/.well-known/') && path.endsWith('/')) continue;
    const { headers, json } = await ask(method, path);
    assert.ok(headers['apigw-requestid'] && json?.code !== 'wrong_address', `${method} ${path}: ${JSON.stringify(headers)}`);
  }
});

test('every method, query and slash reaches the API', async () => {
  const { bearer, cookie } = await logIn();
  const changed = await ask('PATCH', '/auth/profile/', { headers: bearer, body: { username: 'edge' } });
  assert.deepEqual([changed.status, changed.json.username], [200, 'edge']);
  assert.equal((await ask('PUT', '/dj-rest-auth/user/', { headers: bearer, body: { username: 'two' } })).status, 200);
  assert.equal((await ask('GET', '/api/profile/', { headers: bearer })).json.username, 'two');
  const preflight = { origin: edge.url, 'access-control-request-method': 'POST' };
  assert.equal((await ask('OPTIONS', '/auth/refresh', { headers: preflight })).headers['access-control-allow-origin'], edge.url);
  const other = await logIn();
  assert.equal((await ask('POST', '/auth/logout?scope=all', { headers: { cookie } })).status, 200);
  assert.equal((await ask('POST', '/auth/refresh', { headers: { cookie: other.cookie } })).status, 401, 'the scope arrived');
  assert.equal((await ask('POST', '/auth/refresh', { headers: { origin: 'https://foreign.example' } })).json.code, 'origin_not_allowed');
});

test('public keys are cached for everybody, and errors for nobody', async () => {
  const first = await ask('GET', '/.well-known/jwks.json');
  const again = await ask('GET', '/.well-known/jwks.json?x=1', { headers: { authorization: 'Bearer x', cookie: 'a=1' } });
  assert.equal(again.headers['x-cache'], 'Hit from cloudfront');
  assert.equal(again.text, first.text);
  assert.ok(first.json.keys.length > 0);
  for (const path of ['/auth/nothing', '/late.js']) {
    for (let n = 0; n < 2; n++) assert.deepEqual([(await ask('GET', path)).status, (await ask('GET', path)).headers['x-cache']], [404, 'Error from cloudfront']);
  }
  await writeFile(join(site, 'late.js'), 'export {};');
  assert.equal((await ask('GET', '/late.js')).status, 200);
});

test('every page is the app, with the headers of edge.yaml, and a missing file is missing', async () => {
  for (const path of ['/', '/callback?code=x', '/cart/2/', '/auth']) {
    const { status, text, headers } = await ask('GET', path);
    assert.deepEqual([status, text, headers['content-type']], [200, PAGE, 'text/html'], path);
    assert.match(headers['content-security-policy'], /default-src 'self'/);
    assert.equal(headers['strict-transport-security'], 'max-age=63072000');
  }
  assert.equal((await ask('GET', '/assets/index-1a2b.js')).headers['cache-control'], 'public, max-age=31536000, immutable');
  assert.equal((await ask('GET', '/.well-known/apple-app-site-association')).text, '{}');
  for (const path of ['/missing.js', '/.well-known/assetlinks.json', '/assets/../../x.js']) {
    const { status, headers } = await ask('GET', path);
    assert.deepEqual([status, headers['content-type']], [404, 'application/xml'], path);
    assert.match(headers['content-security-policy'], /frame-ancestors 'none'/);
  }
  assert.equal((await ask('POST', '/callback', { body: {} })).status, 403);
});
