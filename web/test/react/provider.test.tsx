import { act, useEffect } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { expect, test, vi } from 'vitest';
import { useAuth } from '../../src/react.js';
import { scriptedApi, loggedInTab, tab } from '../scripted.js';
import { inProvider, show } from './show.js';

let renders = 0;
function Greeting() {
  const { status, user } = useAuth();
  renders++;
  return <p>{status === 'authenticated' ? `Hello ${user.nickname}` : status}</p>;
}

test('a component shows who is logged in, and renders again only when that changes', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  const element = await show({ client }, <Greeting />);
  expect(element.textContent).toBe('Hello ryan');
  const before = renders;
  await act(() => client.refresh());
  expect(renders).toBe(before);
  await act(() => client.logout());
  expect(element.textContent).toBe('anonymous');
});

test('an app’s own callback page, whose effect StrictMode runs twice, sends the code once', async () => {
  const api = scriptedApi();
  const client = tab(api);
  const code = { code: 'ryan', redirect_uri: 'http://localhost:5173/callback' };
  function Callback() {
    const { exchange } = useAuth();
    useEffect(() => void exchange(code), [exchange]);
    return <Greeting />;
  }
  const element = await show({ client }, <Callback />);
  await act(() => client.exchange(code));
  expect(element.textContent).toBe('Hello ryan');
  expect(api.count('/auth/kakao')).toBe(1);
});

test('a page rendered on a server hydrates without a mismatch', async () => {
  const client = await loggedInTab(scriptedApi());
  const page = inProvider({ client }, <Greeting />);
  const element = document.createElement('div');
  element.innerHTML = renderToString(page);
  expect(element.textContent).toBe('unknown');
  const complaints = vi.fn();
  await act(async () => void hydrateRoot(element, page, { onRecoverableError: complaints }));
  expect(element.textContent).toBe('Hello ryan');
  expect(complaints).not.toHaveBeenCalled();
});

test('useAuth() without a provider says what is missing', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const root = createRoot(document.createElement('div'));
  await expect(act(async () => root.render(<Greeting />))).rejects.toThrow('without an <AuthProvider>');
});
