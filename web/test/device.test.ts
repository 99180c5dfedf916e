import { expect, test } from 'vitest';
import { deviceOf } from '../demo/src/device.js';
import { TEXTS } from '../demo/src/texts.js';

const WINDOWS = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36';
const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit';
const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const GALAXY = 'Mozilla/5.0 (Linux; Android 14; SM-S918N Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0';

test.each([
  [WINDOWS, 'Chrome · Windows', 'Chrome on Windows'],
  [`${WINDOWS} Edg/138.0.0.0`, 'Edge · Windows', 'Edge on Windows'],
  [`${WINDOWS} OPR/120.0.0.0`, 'Opera · Windows', 'Opera on Windows'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Whale/4.32.315.22 Safari/537.36', '웨일 · Windows', 'Whale on Windows'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox · Windows', 'Firefox on Windows'],
  [`${MAC}/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15`, 'Safari · macOS', 'Safari on macOS'],
  [`${MAC}/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36`, 'Chrome · macOS', 'Chrome on macOS'],
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/138.0.0.0 Safari/537.36', 'Chrome · Linux', 'Chrome on Linux'],
  ['Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36', 'Chrome · ChromeOS', 'Chrome on ChromeOS'],
  ['Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36', 'Chrome · Android', 'Chrome on Android'],
  ['Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36', '삼성 인터넷 · Android', 'Samsung Internet on Android'],
  ['Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36 EdgA/138.0.0.0', 'Edge · Android', 'Edge on Android'],
  ['Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0', 'Firefox · Android', 'Firefox on Android'],
  [`${GALAXY} Chrome/138.0.7204.63 Mobile Safari/537.36;KAKAOTALK 2410850`, '카카오톡 · Android', 'KakaoTalk on Android'],
  [`${IPHONE} Mobile/15E148 KAKAOTALK 25.5.1`, '카카오톡 · iPhone', 'KakaoTalk on iPhone'],
  [`${IPHONE} Mobile/15E148 NAVER(inapp; search; 2000; 12.12.50; 15PRO)`, '네이버 앱 · iPhone', 'NAVER app on iPhone'],
  [`${IPHONE} Mobile/15E148 Instagram 384.0.0.23.92 (iPhone16,1; iOS 18_5; ko_KR; ko; scale=3.00; 1179x2556; 752122061)`, 'Instagram · iPhone', 'Instagram on iPhone'],
  [`${IPHONE} Mobile/22F76 [FBAN/FBIOS;FBAV/516.0.0.50.105;FBBV/737281963]`, 'Facebook · iPhone', 'Facebook on iPhone'],
  [`${IPHONE} Mobile/15E148 Safari Line/15.8.0`, 'LINE · iPhone', 'LINE on iPhone'],
  [`${GALAXY} Chrome/138.0.7204.63 Mobile Safari/537.36`, '앱 · Android', 'App on Android'],
  [`${IPHONE} Mobile/15E148`, '앱 · iPhone', 'App on iPhone'],
  [`${IPHONE} Version/18.5 Mobile/15E148 Safari/604.1`, 'Safari · iPhone', 'Safari on iPhone'],
  [`${IPHONE} CriOS/138.0.7204.53 Mobile/15E148 Safari/604.1`, 'Chrome · iPhone', 'Chrome on iPhone'],
  [`${IPHONE} FxiOS/140.0 Mobile/15E148 Safari/605.1.15`, 'Firefox · iPhone', 'Firefox on iPhone'],
  [`${IPHONE} Version/18.0 EdgiOS/138.0.3351.65 Mobile/15E148 Safari/604.1`, 'Edge · iPhone', 'Edge on iPhone'],
  ['Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1', 'Safari · iPad', 'Safari on iPad'],
  ['okhttp/4.12.0', '앱 · Android', 'App on Android'],
  ['MyShop/3.2.1 CFNetwork/3826.500.131 Darwin/24.5.0', '앱 · iOS', 'App on iOS'],
  ['MyShop/3.2.1 (com.example.shop; build:412; iOS 18.5.0) Alamofire/5.10.2', '앱 · iOS', 'App on iOS'],
  ['Dart/3.8 (dart:io)', '앱', 'App'],
  ['curl/8.14.1', 'curl', 'curl'],
  ['python-requests/2.32.4', 'Python', 'Python'],
  ['', '알 수 없는 기기', 'Unknown device'],
  ['<script>', '알 수 없는 기기', 'Unknown device'],
])('%s is “%s”', (userAgent, korean, english) => {
  const device = deviceOf(userAgent);
  expect([TEXTS.ko.device(device), TEXTS.en.device(device)]).toEqual([korean, english]);
});
