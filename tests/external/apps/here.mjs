// An app with the packed client installed, built against the real API and the stand-in for Kakao, and served.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import http from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePorts, world } from '../../../web/e2e/world.mjs';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));
const project = join(here, '../../..');
/** What the stand-in knows the apps as. */
const CLIENT_ID = '5f0ab1c2d3e4f5061728394a5b6c7d8e';

const NPM = ['--prefer-offline', '--no-audit', '--no-fund'];
const ENV = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', CI: '1' };

/** Runs a program, and fails with what it said. */
export const command = (cwd, program, args, env = {}) =>
  run(program, args, { cwd, env: { ...ENV, ...env }, maxBuffer: 1 << 24 }).catch(({ stdout, stderr }) => {
    throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`);
  });

/** The packed library, which `make apps` has built. */
export async function tarball() {
  const { version } = JSON.parse(await readFile(join(project, 'web/package.json'), 'utf8'));
  return join(project, 'target/apps', `kakao-login-web-${version}.tgz`);
}

/** Installs what the app's lock file says, and the packed library. Returns the app's folder. */
export async function installed(name) {
  const folder = join(here, name);
  const changed = (file) => stat(join(folder, file)).then(({ mtimeMs }) => mtimeMs, () => 0);
  if ((await changed('node_modules/.package-lock.json')) < (await changed('package-lock.json'))) {
    await command(folder, 'npm', ['ci', ...NPM]);
  }
  await command(folder, 'npm', ['install', '--no-save', ...NPM, await tarball()]);
  return folder;
}

/**
 * Installs and builds an app for ports that are free, starts it with `serve(folder, port, settings)`, which returns a function that
 * stops it, and a world for it. The settings are the environment of the build: API, KAKAO, CLIENT_ID, each with `prefix`.
 */
export async function app(name, { prefix = '', callback = '/callback', api = {}, build, serve }) {
  const [port] = await freePorts(1);
  const origin = `http://localhost:${port}`;
  const folder = await installed(name);
  const around = await world({ ALLOWED_ORIGINS: origin, REDIRECT_URIS: origin + callback, ...api });
  const kakao = JSON.parse(around.define.KAKAO);
  const settings = Object.fromEntries(
    Object.entries({ API: around.api, KAKAO: kakao, CLIENT_ID }).map(([key, value]) => [prefix + key, value]),
  );
  try {
    if (build) await command(folder, 'npm', ['run', 'build'], settings);
    const close = await serve(folder, port, settings);
    return { ...around, origin, kakao, stop: async () => [await close(), await around.stop()] };
  } catch (error) {
    await around.stop();
    throw error;
  }
}

/** Starts a server in the app's folder, and waits until it says that it is ready. Collects what it says in `said`. */
export const server = (said) => async (folder, port, settings) => {
  const child = spawn(process.execPath, ['node_modules/next/dist/bin/next', 'start', '--port', port], { cwd: folder, env: { ...ENV, ...settings } });
  const stopped = once(child, 'exit');
  const ready = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        said.push(text);
        if (/ready in/i.test(text)) resolve();
      });
    }
    stopped.then(() => reject(new Error(`the server ended: ${said.join('')}`)));
  });
  await ready;
  return async () => {
    child.kill();
    await stopped;
  };
};

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/** A host of files. A path without a file gets `fallback`, as for a single-page app, or else a 404. */
export const files = (roots, fallback) => async (folder, port, settings) => {
  const send = async (response, path, status = 200) => {
    const body = await readFile(path);
    response.writeHead(status, { 'content-type': TYPES[extname(path)] ?? 'text/plain' }).end(body);
  };
  const host = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    if (pathname === '/settings.js') {
      return response.writeHead(200, { 'content-type': 'text/javascript' }).end(`export default ${JSON.stringify(settings)};`);
    }
    const [root, under] = Object.entries(roots).find(([start]) => pathname.startsWith(start)) ?? [];
    const path = join(folder, under, pathname.slice(root.length) || 'index.html');
    await send(response, path)
      .catch(() => send(response, `${path}.html`))
      .catch(() => (fallback ? send(response, join(folder, fallback)) : Promise.reject()))
      .catch(() => response.writeHead(404, { 'content-type': 'text/html' }).end('<p id="page">not found</p>'));
  });
  await new Promise((resolve) => host.listen(port, 'localhost', resolve));
  return () => {
    host.closeAllConnections();
    return new Promise((resolve) => host.close(resolve));
  };
};
