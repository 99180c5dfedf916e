// Everything that a person at a browser meets: the API and Kakao's stand-in, a page, the network between them, Chromium.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';
import { network } from './network.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const LOCAL = process.env.LOCAL_BIN ?? join(here, '../../target/debug/local');
const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

const isFree = (port) =>
  new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** So many neighbouring ports that nobody listens on. */
export async function freePorts(many) {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const ports = Array.from({ length: many }, (_, n) => first + n);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports;
  }
}

async function api(port, settings) {
  await access(LOCAL).catch(() => Promise.reject(new Error(`no API at ${LOCAL}: cargo build -p local, or set LOCAL_BIN`)));
  const child = spawn(LOCAL, { env: { ...process.env, PORT: port, ...settings }, stdio: ['ignore', 'pipe', 'inherit'] });
  const stopped = once(child, 'exit');
  const early = stopped.then(() => Promise.reject(new Error(`${LOCAL} ended before it listened`)));
  // It says where it is once it listens.
  await Promise.race([once(child.stdout, 'data'), early]);
  early.catch(() => {});
  child.stdout.resume();
  return {
    async stop() {
      child.kill();
      await stopped;
    },
  };
}

/** Starts it all. `settings` are the API's. Everything is called localhost: another name would be another site. */
export async function world(settings = {}) {
  const [apiPort, kakaoPort, , , wayPort, pagePort] = await freePorts(6);
  const origin = `http://localhost:${pagePort}`;
  const kakaoUrl = `http://localhost:${kakaoPort}`;
  const local = await api(apiPort, {
    ALLOWED_ORIGINS: origin,
    REDIRECT_URIS: `${origin}/callback`,
    // Shorter than in life, so that the cookie really changes within a test. The page waits 2 s for an answer.
    ROTATION_WINDOW: '9',
    ...settings,
  });
  const way = await network(wayPort, `http://localhost:${apiPort}`);
  const moved = new Map();
  const redirects = {
    name: 'redirects',
    configureServer: ({ middlewares }) =>
      void middlewares.use((request, response, next) => {
        const { pathname, search } = new URL(request.url, origin);
        if (!moved.has(pathname)) return next();
        response.writeHead(301, { location: moved.get(pathname) + search });
        response.end();
      }),
  };
  const cacheDir = await mkdtemp(join(tmpdir(), 'kakao-login-web-'));
  const vite = await createServer({
    configFile: false,
    root: join(here, 'page'),
    cacheDir,
    plugins: [redirects],
    logLevel: 'error',
    define: { API: JSON.stringify(`http://localhost:${wayPort}`), KAKAO: JSON.stringify(kakaoUrl) },
    optimizeDeps: { include: ['react', 'react-dom/client', 'react/jsx-dev-runtime'] },
    server: { port: pagePort, strictPort: true, host: 'localhost', hmr: false, ws: false, watch: null },
  });
  await vite.listen();
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS.split(' ') });

  const control = async (what, body) => {
    const answer = await fetch(`${kakaoUrl}/control/${what}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return answer.json();
  };

  return {
    origin,
    way,
    /** Paths that the page's host redirects, and where to. */
    moved,
    api: `http://localhost:${wayPort}`,
    /** A browser of its own: cookies, storage, tabs. */
    profile: () => browser.newContext(),
    /** A person at Kakao, known to tests by this nickname. */
    async person(nickname) {
      return (await control('users', { nickname })).name;
    },
    /** A tab at the page's start. */
    async tab(profile, path = '/') {
      const tab = await profile.newPage();
      await tab.goto(origin + path);
      return tab;
    },
    /** Signs a person in, in this tab, as with an SDK's token: quicker than Kakao's page, which has tests of its own. */
    async logIn(tab, person) {
      const { access_token } = await control('tokens', { user: person });
      await tab.evaluate((token) => window.auth.exchange({ access_token: token }), access_token);
    },
    async stop() {
      await browser.close();
      await vite.close();
      await way.close();
      await local.stop();
      await rm(cacheDir, { recursive: true });
    },
  };
}

/** Waits until the tab shows this text, exactly. */
export async function shows(tab, text, id = 'who') {
  await tab.waitForFunction(([id, text]) => document.getElementById(id)?.textContent === text, [id, text], { timeout: 20_000 }).catch(
    async () => {
      throw new Error(`the page shows “${await tab.locator(`#${id}`).textContent()}”, not “${text}”`);
    },
  );
}

/** Calls the API so often at once, and returns the statuses. */
export const call = (tab, times = 1) =>
  tab.evaluate(
    (times) => Promise.all(Array.from({ length: times }, () => window.auth.fetch('/auth/profile').then(({ status }) => status))),
    times,
  );

export const token = (tab) => tab.evaluate(() => window.auth.getToken());

/** Waits for something that happens outside of the page. */
export async function until(condition, what) {
  const end = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
