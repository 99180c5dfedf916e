import { act } from 'react';
import { expect, test } from 'vitest';
import { useAuth } from '../../src/react.js';
import { kakao, LOGIN, sentBack } from '../log-in/kakao.js';
import { scriptedApi, tab } from '../scripted.js';
import { show } from './show.js';

function Status() {
  const { status, user, error } = useAuth();
  return user?.pk ?? error?.code ?? status;
}

test('the app’s router is sent to the page of the login once, after the exchange', async () => {
  const api = scriptedApi();
  await sentBack({ code: 'ryan' }, '/cart?step=2');
  let respond = (_: Response) => {};
  api.instead.set(LOGIN, () => new Promise((resolve) => (respond = resolve)));
  const client = tab(api, { kakao, onReturn: true });
  const paths: string[] = [];
  const props = () => ({ client, onReturn: (path: string) => void paths.push(`${path} ${client.getState().user?.pk}`) });
  const element = await show(props(), <Status />);
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  // Another function with each rendering, as apps write it.
  await element.render(props());
  expect([paths, element.textContent, location.pathname]).toEqual([[], 'unknown', '/callback']);
  await act(async () => {
    respond(api.granted('ryan'));
    await client.start();
  });
  expect(element.textContent).toBe('ryan');
  await expect.poll(() => paths).toEqual(['/cart?step=2 ryan']);
  await element.render(props());
  expect(paths).toHaveLength(1);
  expect(location.href, 'which is the router’s to change').toBe('http://localhost:5173/callback');
});

test('the app’s router is sent there after a login that was cancelled, too', async () => {
  await sentBack({ error: 'access_denied' }, '/cart');
  const client = tab(scriptedApi(), { kakao, onReturn: true });
  const paths: string[] = [];
  const element = await show({ client, onReturn: (path) => void paths.push(path) }, <Status />);
  await expect.poll(() => paths).toEqual(['/cart']);
  expect(element.textContent).toBe('denied');
});

test('a reload during the exchange logs the user in, although the router has put Kakao’s response back into the address', async () => {
  const api = scriptedApi();
  await sentBack({ code: 'ryan' }, '/cart');
  const address = location.href;
  api.instead.set(LOGIN, () => new Promise(() => {}));
  void tab(api, { kakao, onReturn: true }).start();
  await expect.poll(() => api.count(LOGIN)).toBe(1);
  api.instead.clear();
  history.replaceState(null, '', address);
  const paths: string[] = [];
  const reloaded = tab(api, { kakao, onReturn: true });
  reloaded.onReturn((path) => paths.push(path));
  expect(await reloaded.start()).toMatchObject({ status: 'authenticated', error: null });
  expect(paths).toEqual(['/cart']);
  expect(api.calls[1]!.body).toBe(api.calls[0]!.body);
});
