// The CloudFront functions by themselves: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { handler } from '../tests/edge/functions.mjs';

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');

/** A function of this folder: what it makes of a request. */
function load(name) {
  const run = handler(read(name));
  return (uri, headers = {}, ip = '203.0.113.77') => {
    const request = { method: 'GET', uri, querystring: { a: { value: '1' } }, headers, cookies: { b: { value: '2' } } };
    const after = run({ version: '1.0', context: { eventType: 'viewer-request' }, viewer: { ip }, request });
    for (const same of ['method', 'querystring', 'cookies']) assert.deepEqual(after[same], request[same], `${same} of ${uri}`);
    return after;
  };
}

const api = load('./api-request.js');
const page = load('./page-request.js');

test('the API gets the address of the caller', () => {
  for (const ip of ['203.0.113.77', '2001:db8::7']) {
    assert.deepEqual(api('/auth/refresh', {}, ip).headers, { 'x-viewer-ip': { value: ip } });
  }
});

test('a caller cannot send an address or the secret, not even several times', () => {
  const forged = () => ({ value: '1.1.1.1', multiValue: [{ value: '1.1.1.1' }, { value: '2.2.2.2' }] });
  const { headers } = api('/auth/refresh', { 'x-viewer-ip': forged(), 'x-origin-secret': forged() });
  assert.deepEqual(headers, { 'x-viewer-ip': { value: '203.0.113.77' } });
});

test('the API gets every other header as it was sent', () => {
  const sent = {
    authorization: { value: 'Bearer a.b.c' },
    origin: { value: 'https://www.example.com' },
    'x-forwarded-for': { value: '10.0.0.1', multiValue: [{ value: '10.0.0.1' }, { value: '10.0.0.2' }] },
  };
  assert.deepEqual(api('/auth/profile', structuredClone(sent)).headers, { ...sent, 'x-viewer-ip': { value: '203.0.113.77' } });
});

test('the API gets each of its routes with and without a slash as the route', () => {
  const paths = [...read('../template.yaml').matchAll(/Path: "?(\/[^\s"]+)/g)].map(([, path]) => path);
  const routes = [...new Set(paths)].filter((path) => !path.endsWith('/{proxy+}'));
  assert.ok(routes.length > 20, `${routes}`);
  for (const route of routes.map((path) => path.replace('{id}', '0123456789abcdefghijkl'))) {
    assert.equal(api(route).uri, route);
    assert.equal(api(`${route}/`).uri, route);
  }
});

test('only one slash is taken, and only from the end', () => {
  const received = { '/': '/', '//': '/', '/auth//': '/auth/', '//auth/kakao': '//auth/kakao', '/auth/%2F/': '/auth/%2F' };
  for (const [sent, uri] of Object.entries(received)) assert.equal(api(sent).uri, uri, sent);
});

test('every page is index.html', () => {
  for (const path of ['/', '/callback', '/a/b', '/a/b/', '/v1.2/notes', '/~user', '/한글', '//', '/auth', '/.hidden/page', '/dot.', '/index.html/']) {
    assert.equal(page(path).uri, '/index.html', path);
  }
});

test('a file stays what it is, and one without a dot is known by its folder', () => {
  for (const path of [
    '/index.html',
    '/favicon.ico',
    '/assets/index-1a2b.js',
    '/.well-known/assetlinks.json',
    '/.well-known/apple-app-site-association',
  ]) {
    assert.equal(page(path).uri, path);
  }
});

test('no request is for the bucket itself, which would list its files', () => {
  for (const path of ['/', '//', '/.', '/..', '/a/..', '/...', '/.well-known/', '/.well-known/..', '/.well-known/a/..', '/%2e%2e']) {
    assert.equal(page(path).uri, '/index.html', path);
  }
});
