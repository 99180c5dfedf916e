/** @jest-environment node */

const { createElement } = require('react');
const { renderToString } = require('react-dom/server');
const { createAuthClient } = require('kakao-login-web');
const { createAuthClient: createCore } = require('kakao-login-web/core');
const { AuthProvider, useAuth } = require('kakao-login-web/react');
const { getServerUser } = require('kakao-login-web/server');

test('a server renders the unknown state', () => {
  const Status = () => useAuth().status;
  const client = createAuthClient({ baseUrl: 'http://localhost' });
  expect(renderToString(createElement(AuthProvider, { client }, createElement(Status)))).toBe('unknown');
});

test('a request without our cookie is nobody’s, and the core alone needs no browser', async () => {
  expect(await getServerUser('theme=dark', { baseUrl: 'http://localhost' })).toBe(null);
  expect((await createCore({ baseUrl: 'http://localhost' }).start()).status).toBe('unknown');
});
