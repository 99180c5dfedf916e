/** @jest-environment jsdom */

const { act, createElement, StrictMode } = require('react');
const { createRoot } = require('react-dom/client');
const { createAuthClient } = require('kakao-login-web');
const { KakaoButton } = require('kakao-login-web/button');
const { AuthProvider, SignedIn, SignedOut } = require('kakao-login-web/react');
const { createTestAuth } = require('kakao-login-web/testing');

globalThis.IS_REACT_ACT_ENVIRONMENT = true;

async function show(client) {
  const element = document.createElement('div');
  document.body.replaceChildren(element);
  const page = createElement(
    StrictMode,
    null,
    createElement(
      AuthProvider,
      { client },
      createElement(SignedIn, null, ({ nickname }) => `Hello ${nickname}`),
      createElement(SignedOut, null, createElement(KakaoButton)),
    ),
  );
  await act(async () => createRoot(element).render(page));
  return element;
}

test('a component is tested without a network', async () => {
  const auth = createTestAuth();
  auth.respond('/orders', { body: { orders: [] } });
  const element = await show(auth);
  expect(element.textContent).toBe('카카오 로그인');
  await act(async () => element.querySelector('button').click());
  expect(element.textContent).toBe('Hello 라이언');
  expect(await (await auth.fetch('/orders')).json()).toEqual({ orders: [] });
});

test('the real client starts without `fetch`, and knows that nobody is logged in', async () => {
  expect([typeof fetch, typeof Request, typeof TextEncoder, typeof crypto.subtle]).toEqual(Array(4).fill('undefined'));
  const auth = createAuthClient({ baseUrl: 'http://localhost', kakao: { clientId: 'REST API key', redirectUri: '/callback' } });
  const element = await show(auth);
  expect((await auth.start()).status).toBe('anonymous');
  expect(element.textContent).toBe('카카오 로그인');
  // Not disposed of: the process has to end all the same.
});
