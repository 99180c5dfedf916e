import { act } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { expect, test, vi } from 'vitest';
import { SignedIn, SignedOut, useAuth, useUser } from '../../src/react.js';
import { answer, loggedInTab, scriptedApi, sessionOver, tab } from '../scripted.js';
import { inProvider, show } from './show.js';

const Name = () => useUser()?.nickname ?? 'nobody';
const Status = () => useAuth().status;
const page = (
  <>
    <SignedIn>
      members <Name />
    </SignedIn>
    <SignedIn>{({ nickname }) => `, hello ${nickname}`}</SignedIn>
    <SignedOut>log in</SignedOut>
  </>
);

test('a page shows members’ parts to a user, the login to anybody else, and neither while it does not know', async () => {
  const api = scriptedApi();
  let respond = (_: Response) => {};
  api.instead.set('/auth/refresh', () => new Promise((resolve) => (respond = resolve)));
  localStorage.setItem('kakao-auth.session', 'first');
  const client = tab(api);
  const element = await show({ client }, page);
  expect(element.textContent).toBe('');
  await expect.poll(() => api.count('/auth/refresh')).toBe(1);
  await act(async () => {
    respond(api.granted('ryan'));
    await client.start();
  });
  expect(element.textContent).toBe('members ryan, hello ryan');
  await act(() => client.logout());
  expect(element.textContent).toBe('log in');
});

test('the user whom the server knows is shown at once, and hydrates without a mismatch', async () => {
  const client = await loggedInTab(scriptedApi());
  const content = inProvider({ client, user: { pk: 'ryan', nickname: 'server’s ryan' } }, page);
  const element = document.createElement('div');
  element.innerHTML = renderToString(content);
  expect(element.textContent).toBe('members server’s ryan, hello server’s ryan');
  const complaints = vi.fn();
  await act(async () => void hydrateRoot(element, content, { onRecoverableError: complaints }));
  expect(element.textContent, 'the client knows better').toBe('members ryan, hello ryan');
  expect(complaints).not.toHaveBeenCalled();
});

test('a user whom the server knew, but whose session has ended, is logged out', async () => {
  const api = scriptedApi();
  api.instead.set('/auth/refresh', () => sessionOver());
  localStorage.setItem('kakao-auth.session', 'first');
  const client = tab(api);
  const element = await show({ client, user: { pk: 'ryan', nickname: 'ryan' } }, page);
  await act(() => client.start());
  expect(element.textContent).toBe('log in');
});

test('a server that knows nobody leaves the state unknown', async () => {
  const client = await loggedInTab(scriptedApi());
  const status = (user?: null) => renderToString(inProvider({ client, user }, <Status />));
  expect(status(null)).toBe('unknown');
  expect(status()).toBe('unknown');
});

test('while the API cannot be reached, the server’s user is shown with the error', async () => {
  const api = scriptedApi();
  api.instead.set('/auth/refresh', () => answer(503));
  localStorage.setItem('kakao-auth.session', 'first');
  const client = tab(api);
  const Shown = () => {
    const { status, user, error } = useAuth();
    return `${status} ${user?.pk} ${error?.code}`;
  };
  const element = await show({ client, user: { pk: 'ryan' } }, <Shown />);
  await act(() => client.start());
  expect(element.textContent).toBe('authenticated ryan unavailable');
});
