import { expect, test } from 'vitest';
import { scriptedApi, tab } from '../scripted.js';
import { at, begun, kakao, sentBack } from './kakao.js';

const FOREIGN = [
  'https://evil.example/cart', '//evil.example/cart', '/\\evil.example/cart', '\\\\evil.example/cart', 'https:\\\\evil.example/cart', '\t//evil.example/cart',
  'http://localhost:5174/cart', 'https://localhost:5173/cart', 'http:\\\\evil.example\\cart', 'http://localhost:5173@evil.example/cart',
  'blob:http://localhost:5173/0-1-2', 'blob:https://evil.example/0-1-2', 'data:text/html,x', 'javascript:alert(1)', 'java\nscript:alert(1)',
  'file:///etc/passwd', 'about:blank', 'mailto:ryan@example.com', 'tel:114', 'kakaotalk://inappbrowser', 'http://', 'http://[', 'https://%', '//',
];
test.each(FOREIGN)('nobody is redirected to %j: the login succeeds and returns to the start page', async (path) => {
  await sentBack({ code: 'ryan' }, path);
  expect(await tab(scriptedApi(), { kakao }).start()).toMatchObject({ status: 'authenticated' });
  expect(location.href).toBe('http://localhost:5173/');
  await sentBack({ code: 'ryan' }, path);
  let returned = '';
  expect(await tab(scriptedApi(), { kakao, onReturn: (to) => (returned = to) }).start()).toMatchObject({ status: 'authenticated' });
  expect(returned).toBe('/');
});

test.each([
  ['/cart?a=1#b', '/cart?a=1#b'],
  ['http://localhost:5173/cart', '/cart'],
  ['HTTP://LOCALHOST:5173/cart', '/cart'],
  ['http://ryan:secret@localhost:5173/cart', '/cart'],
  ['/.//evil.example/', '/evil.example/'],
  ['/cart\\..\\shop', '/shop'],
  ['shop', '/here/shop'],
  ['?page=2', '/here/there?page=2'],
  ['', '/here/there'],
])('%j is a path of this site: the user returns to %s', async (path, expected) => {
  at('/here/there');
  await sentBack({ code: 'ryan' }, path);
  let returned = '';
  await tab(scriptedApi(), { kakao, onReturn: (to) => (returned = to) }).start();
  expect(returned).toBe(expected);
});

test('a stored return path is checked again', async () => {
  await sentBack({ code: 'ryan' });
  for (const returnTo of ['https://evil.example/', 'blob:http://localhost:5173/0', undefined]) {
    localStorage.setItem('kakao-auth.login', JSON.stringify([{ ...begun()[0], returnTo }]));
    at(`/callback?code=ryan&state=${begun()[0]!.state}`);
    expect(await tab(scriptedApi(), { kakao }).start()).toMatchObject({ status: 'authenticated' });
    expect(location.origin + location.search).toBe('http://localhost:5173');
    await sentBack({ code: 'ryan' });
  }
});
