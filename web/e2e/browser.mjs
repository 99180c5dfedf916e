// A Chromium on a profile that outlives it: it can be closed, killed, and started again.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'.split(' ');
/** Without a window, and without a keyring to encrypt the profile with. */
const OWN_FLAGS = '--headless --remote-debugging-port=0 --password-store=basic --disable-extensions --no-default-browser-check'.split(' ');

/**
 * Starts Chromium on the profile in this folder. It is a process group of its own, so that all of it can be killed at once. With TLS,
 * our certificate is nobody else's.
 */
export async function chromiumOn(folder, hasTls) {
  const tls = hasTls ? ['--ignore-certificate-errors'] : [];
  const child = spawn(CHROMIUM, [...FLAGS, ...OWN_FLAGS, ...tls, `--user-data-dir=${folder}`, 'about:blank'], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stopped = once(child, 'exit');
  const lines = createInterface({ input: child.stderr });
  const address = new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const [, found] = /^DevTools listening on (ws:\S+)/.exec(line) ?? [];
      if (found) resolve(found);
    });
    stopped.then(() => reject(new Error(`${CHROMIUM} ended before it listened`)));
  });
  const devtools = await chromium.connectOverCDP(await address);
  const [profile] = devtools.contexts();
  return {
    /** Its cookies, storage and tabs. */
    profile,
    stopped,
    /** SIGKILL to every process of it: nothing is written any more. */
    async kill() {
      process.kill(-child.pid, 'SIGKILL');
      await stopped;
    },
    /** As a person closes it: everything is written. */
    async close() {
      const session = await devtools.newBrowserCDPSession();
      await session.send('Browser.close').catch(() => {});
      await stopped;
    },
  };
}
