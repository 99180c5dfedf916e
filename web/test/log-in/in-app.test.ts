import { expect, test } from 'vitest';
import { externalAddress, inAppBrowser, openExternal } from '../../src/in-app.js';
import { browserIs, CHROME, KAKAOTALK } from './kakao.js';

const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const SAFARI = `${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1`;
const ANDROID = 'Mozilla/5.0 (Linux; Android 14; SM-S908N; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36';

test.each([
  ['kakaotalk', KAKAOTALK],
  ['kakaotalk', `${IPHONE} Mobile/15E148 KAKAOTALK/10.8.1 (INAPP)`],
  ['naver', `${ANDROID} NAVER(inapp; search; 2000; 12.6.3)`],
  ['naver', `${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1 NAVER(inapp; search; 2000; 12.6.3; 15PRO)`],
  ['instagram', `${ANDROID} Instagram 334.0.0.42.95 Android`],
  ['facebook', `${IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/467.0.0.40.109;FBBV/604151229]`],
  ['facebook', `${ANDROID} [FB_IAB/FB4A;FBAV/467.0.0.40.109;]`],
  ['line', `${ANDROID} Line/14.8.0/IAB`],
  ['line', `${IPHONE} Safari Line/14.8.0`],
  ['other', ANDROID],
  ['other', `${IPHONE} Mobile/15E148`],
  ['other', `${IPHONE} Mobile/15E148 Safari/604.1 BAND/13.0.4`],
  [null, CHROME],
  [null, SAFARI],
  [null, `${IPHONE} CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1`],
  [null, 'Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0'],
  [null, 'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36'],
])('the app %s is recognised in %s', (app, agent) => {
  browserIs(agent);
  expect(inAppBrowser()).toBe(app);
});

const PAGE = 'https://shop.example/cart?step=2&a=b#pay';

test.each([
  ['KakaoTalk', KAKAOTALK, `kakaotalk://web/openExternal?url=${encodeURIComponent(PAGE)}`],
  ['LINE', `${ANDROID} Line/14.8.0/IAB`, 'https://shop.example/cart?step=2&a=b&openExternalBrowser=1#pay'],
  [
    'another app on Android',
    `${ANDROID} Instagram 334.0`,
    `intent://shop.example/cart?step=2&a=b#pay#Intent;scheme=https;package=com.android.chrome;S.browser_fallback_url=${encodeURIComponent(PAGE)};end`,
  ],
  ['another app on iOS', `${IPHONE} Mobile/15E148 Instagram 334.0`, null],
  ['a browser of its own', SAFARI, null],
])('the page is opened elsewhere from %s', (_, agent, address) => {
  expect(externalAddress(PAGE, agent)).toBe(address);
});

test.each(['javascript:alert(1)', 'kakaotalk://settings', 'data:text/html,x', 'file:///etc/passwd', 'intent://x#Intent;end'])(
  '%s is not opened',
  (url) => {
    for (const agent of [KAKAOTALK, ANDROID]) expect(externalAddress(url, agent)).toBe(null);
  },
);

test('an app can offer another way if there is none', () => {
  const before = location.href;
  browserIs(`${IPHONE} Mobile/15E148 Instagram 334.0`);
  expect(openExternal()).toBe(false);
  expect(location.href).toBe(before);
});
