// The browser that the scenes run in: ENGINE is chromium, firefox or webkit. With TLS=1, page and API have TLS.

import { tmpdir } from 'node:os';
import { chromium, firefox } from 'playwright-core';
import { CHROMIUM, chromiumOn, FLAGS } from '../browser.mjs';
import { engines } from './engine.mjs';

/** Whether page and API are behind the edge stack, under one host. */
export const EDGE = process.env.EDGE === '1';
export const ENGINE = process.env.ENGINE ?? 'chromium';
export const TLS = process.env.TLS === '1';
const { FIREFOX = '/usr/bin/firefox-esr' } = process.env;

/** How often a scene is repeated: the orders of events that repetition finds depend neither on the engine nor on the edge stack. */
export const rounds = (many) => (ENGINE === 'chromium' && !EDGE ? many : Math.ceil(many / 4));
/** The option of a test that needs something of one engine's. */
export const only = (engine, why) => ({ skip: ENGINE !== engine && `${engine} only: ${why}` });

/** Playwright does not notice that Firefox has taken a page out of its back-forward cache. WebKit's scenes have one. */
const FIREFOX_SETTINGS = { 'browser.sessionhistory.max_total_viewers': 0 };

const LAUNCH = {
  chromium: () => chromium.launch({ executablePath: CHROMIUM, args: FLAGS }),
  // By WebDriver BiDi. Firefox refuses to run in another user's home.
  firefox: () =>
    firefox.launch({
      channel: 'moz-firefox',
      executablePath: FIREFOX,
      env: { ...process.env, HOME: tmpdir() },
      firefoxUserPrefs: FIREFOX_SETTINGS,
    }),
};

/** Browsers of this engine. `folder` makes folders for profiles; `blank` is a page without scripts at the host of our cookies. */
export function picked({ folder, blank, setOffline }) {
  let launched, others;
  const own = new Set();
  /** A browser of its own on the profile in this folder. */
  async function on(path) {
    const browser = ENGINE === 'chromium' ? await chromiumOn(path, TLS) : await (await (others ??= engines())).on(ENGINE, path, { blank, setOffline });
    own.add(browser);
    browser.stopped.then(() => own.delete(browser));
    return browser;
  }
  return {
    on,
    /** A new profile. In WebKit, which Playwright cannot drive, it is a browser of its own. */
    async profile() {
      if (ENGINE === 'webkit') return (await on(await folder())).profile;
      return (await (launched ??= LAUNCH[ENGINE]())).newContext({ ignoreHTTPSErrors: TLS });
    },
    async stop() {
      await (await launched)?.close();
      await Promise.all([...own].map((browser) => browser.kill()));
      (await others)?.stop();
    },
  };
}
