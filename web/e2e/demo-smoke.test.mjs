// The demo (`npm run demo`) in each engine: over plain HTTP too, a visitor is still logged in after a reload.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ENGINE, picked } from './engines/pick.mjs';
import { api, freePorts } from './world.mjs';

const folders = [];
async function folder() {
  folders.push(await mkdtemp(join(tmpdir(), 'kakao-login-demo-')));
  return folders.at(-1);
}

let demo, url, browsers;
before(async () => {
  const [port, kakao, dynamodb, lambda] = await freePorts(4);
  url = `http://localhost:${port}`;
  demo = await api(port, { KAKAO_PORT: kakao, DYNAMODB_PORT: dynamodb, LAMBDA_PORT: lambda });
  browsers = picked({ folder, blank: `${url}/curl` });
});
after(async () => {
  await browsers?.stop();
  await demo?.stop();
  for (const folder of folders) await rm(folder, { recursive: true });
});

test('a visitor of the demo logs in on Kakao’s page, and is still logged in after a reload', async () => {
  const profile = await browsers.profile();
  const page = await profile.newPage();
  const greets = () => page.locator('h1, h2, h3', { hasText: '라이언' }).first().waitFor();
  await page.goto(`${url}/`);
  await page.locator('.login button').first().click();
  await page.locator('button.person', { hasText: '라이언' }).first().click();
  await greets();
  await page.reload();
  await greets();
  const settings = await page.evaluate(() => fetch('/demo.json').then((response) => response.json()));
  const isWebKit = ENGINE === 'webkit';
  assert.equal(settings.development_cookie, isWebKit);
  assert.deepEqual(settings.cookies.map(({ name }) => name), [isWebKit ? 'refresh_token' : '__Host-Http-refresh_token']);
  await profile.close();
});
