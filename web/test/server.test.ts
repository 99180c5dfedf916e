// @vitest-environment node
import { renderToString } from 'react-dom/server';
import { createElement } from 'react';
import { expect, test, vi } from 'vitest';
import { createAuthClient } from '../src/index.js';
import { AuthProvider, useAuth } from '../src/react.js';

test('on a server the state is unknown, nothing is refreshed, and calls are sent without a token', async () => {
  expect(typeof window).toBe('undefined');
  const http = vi.fn(async () => Response.json({}));
  const client = createAuthClient({ baseUrl: 'https://api.example.com', fetch: http });
  expect(await client.start()).toEqual({ status: 'unknown', user: null, error: null });
  expect(await client.getToken()).toBe(null);
  expect(await client.refresh()).toBe(null);
  expect(http).not.toHaveBeenCalled();
  await client.fetch('/items');
  expect((http.mock.calls as unknown as [Request][])[0]![0].headers.get('authorization')).toBe(null);
  client.dispose();
});

test('a server renders the unknown state', () => {
  const client = createAuthClient({ baseUrl: '' });
  const Status = () => createElement('b', null, useAuth().status);
  expect(renderToString(createElement(AuthProvider, { client }, createElement(Status)))).toBe('<b>unknown</b>');
});
