// Everything that a person at a browser meets: the API and Kakao's stand-in, a page, the network between them, a browser.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';
import { edgeWorld, originSecret } from './edge.mjs';
import { certificate } from './engines/certificate.mjs';
import { EDGE, picked, TLS } from './engines/pick.mjs';
import { network } from './network.mjs';

export { build } from 'vite';
export { server } from './network.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const LOCAL = process.env.LOCAL_BIN ?? join(here, '../../target/debug/local');

const isFree = (port) =>
  new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** Paths of the API, where a host has pages too. */
const API_PATHS = /^\/(auth|dj-rest-auth|api)\//;
/** A page without scripts. */
const BLANK = '/blank';

/** So many neighbouring ports that nobody listens on. */
export async function freePorts(many) {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const ports = Array.from({ length: many }, (_, n) => first + n);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports;
  }
}

/** Starts `local` on this port. */
export async function api(port, settings) {
  await access(LOCAL).catch(() => Promise.reject(new Error(`no API at ${LOCAL}: cargo build -p local, or set LOCAL_BIN`)));
  const child = spawn(LOCAL, { cwd: join(here, '../..'), env: { ...process.env, PORT: port, ...settings }, stdio: ['ignore', 'pipe', 'inherit'] });
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

/** A server of Vite that listens. On a busy machine, one in hundreds never does: then another one is started. */
async function listening(config, tries = 3) {
  const started = createServer(config).then((server) => server.listen());
  const late = new Promise((resolve) => setTimeout(resolve, 20_000).unref());
  const server = await Promise.race([started, late]);
  if (server) return server;
  if (tries === 1) throw new Error('Vite does not listen');
  console.error('Vite does not listen: another one is started');
  return listening(config, tries - 1);
}

/**
 * Starts it all. `settings` are the API's, with the page's origin if they are a function. With `tls`, a key and a certificate, page and
 * API have TLS. Everything is called localhost: another name would be another site. With EDGE=1, page and API have one host, behind the
 * edge stack.
 */
export async function world(settings = {}, tls = TLS ? certificate() : undefined) {
  const [apiPort, kakaoPort, , , clockPort, wayPort, pagePort, kakaoWayPort] = await freePorts(8);
  const [origin, apiUrl, kakaoUrl] = [EDGE ? wayPort : pagePort, wayPort, kakaoWayPort].map((port) => `${tls ? 'https' : 'http'}://localhost:${port}`);
  const { secret, settings: ofEdge } = originSecret();
  const local = await api(apiPort, {
    ...(EDGE && { ...ofEdge, ISSUER: origin, CALLBACK_URI: `${origin}/auth/kakao/callback` }),
    ALLOWED_ORIGINS: origin,
    REDIRECT_URIS: `${origin}/callback`,
    // Shorter than in life, so that the cookie really changes within a test. The page waits 2 s for an answer.
    ROTATION_WINDOW: '9',
    SESSION_LINKS: 'auto',
    CLOCK_PORT: clockPort,
    ...(typeof settings === 'function' ? settings(origin, apiUrl) : settings),
  });
  const way = await network(wayPort, `http://localhost:${EDGE ? pagePort : apiPort}`, tls, (path) => !EDGE || API_PATHS.test(path));
  // Our API tells browsers that all of localhost has TLS, and WebKit takes it at its word.
  const kakaoWay = await network(kakaoWayPort, `http://localhost:${kakaoPort}`, tls);
  const moved = new Map();
  const served = new Map();
  const redirects = {
    name: 'redirects',
    configureServer: ({ middlewares }) =>
      void middlewares.use((request, response, next) => {
        const { pathname, search } = new URL(request.url, origin);
        if (pathname === BLANK) {
          response.setHeader('content-type', 'text/html');
          return void response.end('<!doctype html>');
        }
        if (!moved.has(pathname)) return next();
        response.writeHead(301, { location: moved.get(pathname) + search });
        response.end();
      }),
  };
  const files = {
    name: 'files',
    configureServer: ({ middlewares }) =>
      void middlewares.use(async (request, response, next) => {
        const [, first, rest] = /^\/([^/]+)\/(.*)$/.exec(new URL(request.url, origin).pathname) ?? [];
        if (!served.has(first)) return next();
        const name = rest || 'index.html';
        response.setHeader('content-type', extname(name) === '.js' ? 'text/javascript' : 'text/html');
        response.end(await readFile(join(served.get(first), name)));
      }),
  };
  const cacheDir = await mkdtemp(join(tmpdir(), 'kakao-login-web-'));
  const define = { API: JSON.stringify(apiUrl), KAKAO: JSON.stringify(kakaoUrl) };
  const pages = EDGE
    ? await edgeWorld({ port: pagePort, api: `http://localhost:${apiPort}`, secret, define })
    : await listening({
        configFile: false,
        root: join(here, 'page'),
        cacheDir,
        plugins: [redirects, files],
        logLevel: 'error',
        define,
        optimizeDeps: { include: ['react', 'react-dom/client', 'react/jsx-dev-runtime'] },
        server: { https: tls, port: pagePort, strictPort: true, host: 'localhost', hmr: false, ws: false, watch: null },
      });
  const folders = [];
  async function folder(original) {
    const folder = await mkdtemp(join(tmpdir(), 'kakao-login-profile-'));
    folders.push(folder);
    if (original) await cp(original, folder, { recursive: true, verbatimSymlinks: true });
    return folder;
  }
  const browsers = picked({ folder, blank: origin + BLANK, setOffline: (isOffline) => void (way.isDown = isOffline) });

  const control = async (what, body) => {
    const answer = await fetch(`http://localhost:${kakaoPort}/control/${what}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return answer.json();
  };

  return {
    origin,
    way,
    /** Paths that the page's host redirects, and where to. The edge stack redirects nothing. */
    moved,
    api: apiUrl,
    /** The API without the network between. */
    direct: `http://localhost:${apiPort}`,
    tls,
    /** A browser of its own: cookies, storage, tabs. */
    profile: browsers.profile,
    /** What a build of the page needs to find this API and Kakao. */
    define,
    /** Builds of the page by the first part of their path: their folders. */
    served,
    /** A new profile on disk, or a copy of one. */
    folder,
    /** A browser of its own on such a profile. */
    browserOn: browsers.on,
    /** Sets the clock of the API and of Kakao ahead. Browsers notice nothing: they take no time from the API. */
    async pass(seconds) {
      const headers = { 'content-type': 'application/json' };
      const { status } = await fetch(`http://localhost:${clockPort}`, { method: 'POST', headers, body: JSON.stringify({ seconds }) });
      if (status !== 204) throw new Error(`the clock says ${status}`);
    },
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
      await browsers.stop();
      await pages.close();
      await Promise.all([way, kakaoWay].map((one) => one.close()));
      await local.stop();
      for (const folder of [cacheDir, ...folders]) await rm(folder, { recursive: true });
    },
  };
}

/** A browser that was closed as usual after this person had logged in, so that all of it is on disk: its folder. */
export async function closedBrowser(here, nickname, person) {
  const folder = await here.folder();
  const browser = await here.browserOn(folder);
  const tab = await here.tab(browser.profile);
  await here.logIn(tab, person);
  await shows(tab, `Hello ${nickname}`);
  await browser.close();
  return folder;
}

/** Starts a browser and waits until its page knows whether anybody is logged in. */
export async function startAgain(here, folder) {
  const browser = await here.browserOn(folder);
  const tab = await here.tab(browser.profile);
  await tab.waitForFunction(() => document.getElementById('who')?.textContent !== 'unknown');
  return { browser, tab };
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

/** The refresh token's cookie as the browser sends it to this API. */
export async function cookie(here, profile) {
  const all = await profile.cookies(here.api);
  return all.map(({ name, value }) => `${name}=${value}`).join('; ');
}

/** Waits for something that happens outside of the page. */
export async function until(condition, what, timeout = 60_000) {
  const end = Date.now() + timeout;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
