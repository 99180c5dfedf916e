import { QueryClient } from '@tanstack/react-query';
import axios from 'axios';
import { expect, test } from 'vitest';
import type { AuthClient } from '../src/index.js';
import { API, answer, scriptedApi, loggedInTab } from './scripted.js';

test('axios: twenty requests at expiry are one refresh, without an interceptor', async () => {
  const api = scriptedApi();
  const auth = await loggedInTab(api);
  const http = axios.create({ baseURL: API, adapter: 'fetch', env: { fetch: auth.fetch } });
  api.expire();
  const answers = await Promise.all(Array.from({ length: 20 }, () => http.post<{ pk: string }>('/orders', { coffee: 1 })));
  expect(answers.map(({ data }) => data.pk)).toEqual(Array(20).fill('ryan'));
  expect(api.count('/auth/refresh')).toBe(1);
  expect(new Set(api.calls.filter(({ path }) => path === '/orders').map(({ body }) => body))).toEqual(new Set(['{"coffee":1}']));

  api.instead.set('/orders', () => answer(422, { detail: 'no coffee left' }));
  await expect(http.get('/orders')).rejects.toMatchObject({ response: { status: 422, data: { detail: 'no coffee left' } } });
});

/** As in the README. */
function queries(auth: AuthClient) {
  const queryClient = new QueryClient({
    defaultOptions: { queries: { retry: (count, error) => (error as { status?: number }).status !== 401 && count < 3, retryDelay: 1 } },
  });
  let shown = auth.getState().user?.pk;
  auth.subscribe(() => {
    const { user } = auth.getState();
    if (user?.pk !== shown) queryClient.clear();
    shown = user?.pk;
  });
  const get = async (path: string) => {
    const response = await auth.fetch(path);
    if (!response.ok) throw Object.assign(new Error(path), { status: response.status });
    return (await response.json()) as { pk: string };
  };
  return { queryClient, get };
}

test('TanStack Query: a 401 is not retried, a 503 is, and another account starts with nothing cached', async () => {
  const api = scriptedApi();
  const auth = await loggedInTab(api);
  const { queryClient, get } = queries(auth);
  const ask = (path: string) => queryClient.fetchQuery({ queryKey: [path], queryFn: () => get(path) });
  expect(await ask('/orders')).toMatchObject({ pk: 'ryan' });
  await auth.refresh();
  expect(queryClient.getQueryData(['/orders'])).toMatchObject({ pk: 'ryan' });

  api.instead.set('/stuck', () => answer(401));
  await expect(ask('/stuck')).rejects.toMatchObject({ status: 401 });
  expect(api.count('/stuck')).toBe(2);
  let failures = 2;
  api.instead.set('/shaky', () => (failures-- ? answer(503) : answer(200, { pk: 'ryan' })));
  expect(await ask('/shaky')).toMatchObject({ pk: 'ryan' });

  await auth.exchange({ access_token: 'muzi' });
  expect(queryClient.getQueryData(['/orders'])).toBe(undefined);
  expect(await ask('/orders')).toMatchObject({ pk: 'muzi' });
  await auth.logout();
  expect(queryClient.getQueryData(['/orders'])).toBe(undefined);
});
