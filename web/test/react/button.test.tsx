import { act } from 'react';
import { renderToString } from 'react-dom/server';
import { beforeEach, expect, test, vi } from 'vitest';
import { KakaoButton } from '../../src/button.js';
import { begun, kakao } from '../log-in/kakao.js';
import { scriptedApi, tab } from '../scripted.js';
import { inProvider, show } from './show.js';

declare const process: {
  listeners(event: string): ((reason: unknown) => void)[];
  removeAllListeners(event: string): void;
  on(event: string, listener: (reason: unknown) => void): void;
};

/** Kakao's page as a fragment of this one, because jsdom does not navigate. */
const nearby = { ...kakao, authorizeUrl: '#kakao' };
const isAtKakao = () => location.hash.startsWith('#kakao?');
beforeEach(() => localStorage.clear());

async function shownButton(button = <KakaoButton />) {
  const element = await show({ client: tab(scriptedApi(), { kakao: nearby }) }, button);
  return element.querySelector('button')!;
}
const click = (button: HTMLElement) => act(async () => button.click());

test('the button follows Kakao’s rules: yellow, a black symbol, the label in black of 85 %, a radius of 12 px', async () => {
  const button = await shownButton();
  expect(button.textContent).toBe('카카오 로그인');
  expect(button.lang).toBe('ko');
  expect(button.type, 'it submits no form').toBe('button');
  const { backgroundColor, color, borderRadius, height } = button.style;
  expect([backgroundColor, color, borderRadius, height]).toEqual(['rgb(254, 229, 0)', 'rgba(0, 0, 0, 0.85)', '12px', '45px']);
  expect(button.querySelector('path')!.getAttribute('fill')).toBe('#000000');
});

test('in English, and without the label, which screen readers still read', async () => {
  const button = await shownButton(<KakaoButton lang="en" shape="symbol" className="mine" style={{ height: 60 }} />);
  expect(button.textContent).toBe('');
  expect(button.getAttribute('aria-label')).toBe('Login with Kakao');
  expect([button.lang, button.className, button.style.height, button.style.borderRadius]).toEqual(['en', 'mine', '60px', '12px']);
  expect((await shownButton(<KakaoButton lang="en" />)).textContent).toBe('Login with Kakao');
});

test('a click leaves for Kakao, and the button is busy until the page is shown again', async () => {
  const button = await shownButton(<KakaoButton returnTo="/cart?step=2" switchAccount />);
  expect(button.getAttribute('aria-busy')).toBe('false');
  await click(button);
  await expect.poll(isAtKakao).toBe(true);
  expect(new URLSearchParams(location.hash.split('?')[1]).get('prompt')).toBe('login');
  expect(begun()).toMatchObject([{ returnTo: '/cart?step=2' }]);
  expect(button.getAttribute('aria-busy')).toBe('true');
  // The Back button.
  await act(async () => dispatchEvent(new Event('pageshow')));
  expect(button.getAttribute('aria-busy')).toBe('false');
});

test('the app’s own onClick comes first, and can prevent the login', async () => {
  const onClick = vi.fn((event: { preventDefault(): void }) => event.preventDefault());
  const button = await shownButton(<KakaoButton onClick={onClick} />);
  await click(button);
  expect(onClick).toHaveBeenCalledTimes(1);
  expect(button.getAttribute('aria-busy')).toBe('false');
});

test('a login that cannot begin is reported, and the button can be pressed again', async () => {
  const reasons: unknown[] = [];
  const usual = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (reason) => reasons.push(reason));
  const element = await show({ client: tab(scriptedApi()) }, <KakaoButton />);
  const button = element.querySelector('button')!;
  await click(button);
  await expect.poll(() => String(reasons[0])).toContain('needs `kakao`').finally(() => {
    process.removeAllListeners('unhandledRejection');
    usual.forEach((listener) => process.on('unhandledRejection', listener));
  });
  expect(button.getAttribute('aria-busy')).toBe('false');
});

test('a server renders the button', () => {
  expect(renderToString(inProvider({ client: tab(scriptedApi()) }, <KakaoButton />))).toContain('카카오 로그인');
});
