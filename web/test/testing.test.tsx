import { act } from 'react';
import { expect, test, vi } from 'vitest';
import { AuthError } from '../src/index.js';
import { KakaoButton } from '../src/button.js';
import { SignedIn, SignedOut, useAuth } from '../src/react.js';
import { createTestAuth } from '../src/testing.js';
import { show } from './react/show.js';

function Page() {
  const { status, error, logout } = useAuth();
  return (
    <>
      <SignedIn>
        {({ nickname }) => <button onClick={() => void logout()}>{nickname}</button>}
      </SignedIn>
      <SignedOut>
        <KakaoButton returnTo="/cart" />
      </SignedOut>
      <i>{error?.code ?? status}</i>
    </>
  );
}
const click = (element: HTMLElement) => act(async () => element.querySelector('button')!.click());

test('a component is tested with nobody, with a user, and with a session that ends', async () => {
  const auth = createTestAuth();
  const returns = vi.fn();
  const element = await show({ client: auth, onReturn: returns }, <Page />);
  expect(element.textContent).toBe('카카오 로그인anonymous');
  await click(element);
  expect(element.textContent).toBe('라이언authenticated');
  expect(returns).toHaveBeenCalledWith('/cart');
  await click(element);
  expect(element.textContent).toBe('카카오 로그인anonymous');
  act(() => auth.logIn({ nickname: '무지' }));
  expect(element.textContent).toBe('무지authenticated');
  act(() => auth.logOut('expired'));
  expect(element.textContent).toBe('카카오 로그인expired');
  expect(auth.getState().error).toBeInstanceOf(AuthError);
});

test('the state at the start may be a user’s, or unknown as on a page load', async () => {
  expect((await show({ client: createTestAuth({ user: { nickname: '네오' } }) }, <Page />)).textContent).toBe('네오authenticated');
  const auth = createTestAuth({ status: 'unknown' });
  const element = await show({ client: auth }, <Page />);
  expect(element.textContent).toBe('unknown');
  act(() => auth.logIn());
  expect(element.textContent).toBe('라이언authenticated');
});

test('a call gets the response that the test gave, and is recorded', async () => {
  const auth = createTestAuth({ user: {} });
  auth.respond('/orders', ({ method, body }) => ({ status: method === 'POST' ? 201 : 200, body: { got: body } }));
  const response = await auth.fetch('/orders', { method: 'POST', headers: { 'X-Test': '1' }, body: 'coffee' });
  expect([response.status, await response.json()]).toEqual([201, { got: 'coffee' }]);
  auth.respond('/orders', Response.json({ orders: [] }));
  for (const _ of [1, 2]) expect(await (await auth.fetch('/orders')).json()).toEqual({ orders: [] });
  expect(auth.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /orders', 'GET /orders', 'GET /orders']);
});

test('requests are recorded as they were given', async () => {
  const auth = createTestAuth();
  auth.respond('https://api.example.com/a', { status: 204 });
  auth.respond('/text', { body: 'hello' });
  const request = new Request('https://api.example.com/a', { method: 'PUT', headers: { 'x-a': '1' }, body: 'b' });
  expect((await auth.fetch(request)).status).toBe(204);
  const text = await auth.fetch('/text', { headers: new Headers({ 'X-B': '2' }) });
  expect([text.headers.get('content-type'), await text.text()]).toEqual(['text/plain', 'hello']);
  expect(auth.requests).toEqual([
    { method: 'PUT', path: 'https://api.example.com/a', headers: expect.objectContaining({ 'x-a': '1' }) as unknown, body: 'b' },
    { method: 'GET', path: '/text', headers: { 'x-b': '2' }, body: undefined },
  ]);
  await expect(auth.fetch('/elsewhere')).rejects.toThrow("no response for GET /elsewhere: auth.respond('/elsewhere', { body: … })");
});

test('in jest-environment-jsdom, which has no `Response`, a response is still read as one', async () => {
  vi.stubGlobal('Response', undefined);
  const auth = createTestAuth();
  auth.respond('/orders', { status: 404, body: { detail: 'none' } });
  const { ok, status, headers } = await auth.fetch('/orders');
  expect([ok, status, headers.get('Content-Type')]).toEqual([false, 404, 'application/json']);
  expect(await (await auth.fetch('/orders')).json()).toEqual({ detail: 'none' });
});

test('the account’s calls work on the user of the test, and reject without one', async () => {
  const auth = createTestAuth({ user: { pk: 7 } });
  expect(await auth.updateProfile({ username: 'neo' })).toMatchObject({ pk: 7, username: 'neo' });
  expect(auth.getState().user).toMatchObject({ pk: 7, username: 'neo' });
  expect(await auth.getToken()).toBe('test-token');
  const { account, sessions } = auth;
  expect((await account()).sessions).toEqual(await sessions());
  expect(await auth.deleteAccount()).toMatchObject({ id: 'test-deletion' });
  expect(auth.getState().status).toBe('anonymous');
  expect(await auth.getToken()).toBe(null);
  for (const call of [auth.sessions(), auth.account(), auth.deleteAccount(), auth.updateProfile({}), auth.endSession('x')]) {
    await expect(call).rejects.toMatchObject({ code: 'expired' });
  }
});

test('ending the session of this device, and others, is what it is with the real client', async () => {
  const auth = createTestAuth({ user: {} });
  const types: string[] = [];
  auth.on(({ type }) => types.push(type));
  expect(await auth.logout({ scope: 'others' })).toBe(true);
  expect(auth.getState().status).toBe('authenticated');
  await auth.endSession('another');
  expect(auth.getState().status).toBe('authenticated');
  await auth.endSession((await auth.sessions())[0]!.id);
  expect(auth.getState().status).toBe('anonymous');
  expect(types).toEqual(['logged-out']);
});
