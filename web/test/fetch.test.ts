import { expect, test } from 'vitest';
import { API, scriptedApi, loggedInTab, tab } from './scripted.js';

test('a token is sent to the API and to no other origin', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  const token = await client.getToken();
  for (const other of ['https://evil.example/', 'http://api.example.com/', 'https://api.example.com:8443/', 'https://api.example.com.evil.example/', 'http://localhost:5173/']) {
    await client.fetch(other);
    expect(api.calls.at(-1)).toMatchObject({ bearer: null, credentials: 'same-origin' });
  }
  for (const ours of ['/items', `${API}/items`, new URL('/items', API), new Request(`${API}/items`)]) {
    await client.fetch(ours);
    expect(api.calls.at(-1)).toMatchObject({ origin: API, path: '/items', bearer: token });
  }
});

test('a path that names another host gets no token', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  await client.fetch('//evil.example/items').catch(() => {});
  expect(api.calls.filter(({ bearer }) => bearer)).toEqual([]);
});

test('calls are sent without the refresh cookie unless they ask for it', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  await client.fetch('/items');
  await client.fetch('/items', { credentials: 'include' });
  await client.fetch(new Request(`${API}/items`, { credentials: 'include' }));
  expect(api.calls.map(({ credentials }) => credentials)).toEqual(['omit', 'include', 'include']);
});

test('without a login a call is sent without a token, and its 401 causes no refresh', async () => {
  const api = scriptedApi();
  const client = tab(api);
  expect((await client.fetch('/items')).status).toBe(401);
  expect(api.calls).toMatchObject([{ path: '/items', bearer: null }]);
});

test('an API below a path is called below that path', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api, { baseUrl: `${API}/v1/` });
  await client.fetch('/items').catch(() => {});
  expect(api.calls[0]).toMatchObject({ path: '/v1/items' });
});

test('events say what happened and carry no token', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.expire();
  await client.fetch('/items');
  await client.logout();
  expect(client.events).toEqual([
    { type: 'refreshed', via: 'network' },
    { type: 'retried', via: 'page' },
    { type: 'logged-out', via: 'page' },
  ]);
});

test('a listener that was removed is not called', async () => {
  const client = await loggedInTab(scriptedApi());
  let calls = 0;
  const stops = [client.subscribe(() => calls++), client.on(() => calls++)];
  stops.forEach((stop) => stop());
  await client.logout();
  expect(calls).toBe(0);
});
