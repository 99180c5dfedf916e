// The built demo page (`npm run demo`), served by `local`, and its visitors in Chromium.
// LOCAL_BIN is the binary, CHROMIUM the browser, SCREENSHOTS a folder for pictures of the page.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { freePorts } from './world.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { LOCAL_BIN = `${ROOT}target/debug/local`, CHROMIUM = '/usr/bin/chromium', SCREENSHOTS } = process.env;
const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export async function startDemo() {
  const [port, kakao, dynamodb, lambda] = await freePorts(4);
  const [api, standIn] = [`http://localhost:${port}`, `http://localhost:${kakao}`];
  // The shortest life that the template allows: long enough for a few steps between two renewals.
  const settings = { PORT: port, KAKAO_PORT: kakao, DYNAMODB_PORT: dynamodb, LAMBDA_PORT: lambda, ACCESS_TTL: 20 };
  const server = spawn(LOCAL_BIN, { cwd: ROOT, env: { PATH: process.env.PATH, ...settings }, stdio: ['ignore', 'ignore', 'inherit'] });
  for (let tries = 0; !(await fetch(`${api}/demo.json`).catch(() => null)); tries++) {
    assert.ok(tries < 100 && server.exitCode === null, `${LOCAL_BIN} does not answer`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });

  const post = async (url, content) => {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(content) });
    assert.ok(response.ok, `${url}: ${response.status} ${await response.clone().text()}`);
    return response.json();
  };

  return {
    api,
    standIn,
    /** Calls a control route of the stand-in. */
    control: (what, content) => post(`${standIn}/control/${what}`, content),
    /** Runs a function that has a schedule now. */
    invoke: (name, event) => post(`http://localhost:${lambda}/2015-03-31/functions/${name}/invocations`, event),

    /** A new browser profile in this language at the page, watched for anything that the page must not do. */
    async visit(language, options = {}) {
      const locale = language === 'en' ? 'en-US' : 'ko-KR';
      const context = await browser.newContext({ locale, viewport: { width: 390, height: 844 }, ...options });
      const wrong = [];
      context.on('request', (request) => {
        const { origin } = new URL(request.url());
        if (origin !== api && origin !== standIn && !request.url().startsWith(`blob:${api}/`)) wrong.push(`a request to ${origin}`);
      });
      context.on('weberror', (error) => wrong.push(String(error.error())));
      context.on('console', (message) => {
        if (message.type() === 'error' && message.location().url.startsWith(api)) wrong.push(message.text());
      });
      await context.exposeFunction('report', (violation) => void wrong.push(violation));
      await context.addInitScript(() =>
        addEventListener('securitypolicyviolation', (event) => window.report(`CSP: ${event.violatedDirective} ${event.blockedURI}`)),
      );
      const page = await context.newPage();
      await page.goto(`${api}/`);
      /** `statuses` are the API's refusals that the test provoked: Chromium reports each as an error. */
      const isClean = (...statuses) =>
        assert.deepEqual(wrong.filter((text) => !statuses.some((status) => text.includes(`status of ${status} `))), []);
      return { context, isClean, ...actor(page) };
    },

    async stop() {
      await browser.close();
      server.kill();
      if (server.exitCode === null) await once(server, 'exit');
    },
  };
}

/** What a visitor does and sees in a tab. */
export function actor(page) {
  return {
    page,
    button: (name) => page.getByRole('button', { name: new RegExp(`^${name.replace('?', '\\?')}([ ,]|$)`) }).first(),
    status: (text, timeout = 5_000) => page.locator('.card-head [role=status]', { hasText: text }).waitFor({ timeout }),
    row: (text, timeout = 5_000) => page.locator('.row', { hasText: text }).first().waitFor({ timeout }),
    async result(...steps) {
      for (const [index, step] of steps.entries()) await page.locator(`.flow li:nth-child(${index + 1})`, { hasText: step }).waitFor();
      assert.equal(await page.locator('.flow li').count(), steps.length);
    },
  };
}

/** Takes pictures for people to look at, on a phone and on a desktop, if somebody wants them. */
export async function picture(page, name) {
  if (!SCREENSHOTS) return;
  const before = page.viewportSize();
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 844 });
    await page.screenshot({ path: join(SCREENSHOTS, `${name}-${width}.png`), fullPage: !(await page.locator('dialog[open]').count()) });
  }
  await page.setViewportSize(before);
}
