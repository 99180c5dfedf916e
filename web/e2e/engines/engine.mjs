// Firefox and WebKitGTK on profiles that outlive them: they can be closed, killed, and started again.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts, until } from '../world.mjs';
import { page } from './page.mjs';
import { overHttp, overMarionette } from './webdriver.mjs';

const FIREFOX = process.env.FIREFOX ?? 'firefox-esr';
const WEBKIT = fileURLToPath(new URL('webkit-browser.py', import.meta.url));
const CAPABILITIES = { acceptInsecureCerts: true };

/** The process groups that run. */
const groups = new Set();
const killAll = () => groups.forEach((group) => process.kill(-group, 'SIGKILL'));

/** A process group of its own, so that all of it can be killed at once. Firefox refuses to run in another user's home. */
function start(command, args, folder, display) {
  const env = { ...process.env, HOME: folder, DISPLAY: display, NO_AT_BRIDGE: '1' };
  const child = spawn(command, args, { detached: true, stdio: process.env.VERBOSE ? 'inherit' : 'ignore', env });
  groups.add(child.pid);
  child.once('exit', () => groups.delete(child.pid));
  return child;
}

const ENGINES = {
  async firefox(folder, isPrivate) {
    const settings = {
      'marionette.port': 0,
      'browser.privatebrowsing.autostart': isPrivate,
      // No tabs but the test's own.
      'browser.sessionstore.resume_from_crash': false,
    };
    const lines = Object.entries(settings).map(([name, value]) => `user_pref("${name}", ${value});\n`);
    await writeFile(join(folder, 'user.js'), lines.join(''));
    // The one before may have been killed, and have left its port.
    const portFile = join(folder, 'MarionetteActivePort');
    await rm(portFile, { force: true });
    const child = start(FIREFOX, ['--headless', '--marionette', '--no-remote', '--profile', folder], folder);
    let port;
    await until(async () => (port = Number(await readFile(portFile).catch(() => 0))), 'Firefox');
    return [child, await overMarionette(port, CAPABILITIES)];
  },
  async webkit(folder, isPrivate, display) {
    const [port] = await freePorts(1);
    const child = start('WebKitWebDriver', [`--port=${port}`], folder, display);
    const isReady = () => fetch(`http://127.0.0.1:${port}/status`).then(({ ok }) => ok, () => false);
    await until(isReady, 'WebKitWebDriver');
    const browserOptions = { binary: WEBKIT, args: isPrivate ? ['--private', folder] : [folder] };
    return [child, await overHttp(port, { ...CAPABILITIES, 'webkitgtk:browserOptions': browserOptions })];
  },
};

/** The processes of a group. */
async function members(group) {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(processes.map((id) => readFile(`/proc/${id}/stat`, 'latin1').catch(() => '')));
  // After the name, which may hold anything: state, parent, group.
  const [groups, states] = [2, 0].map((field) => stats.map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' ')[field]));
  return processes.filter((_, n) => Number(groups[n]) === group && states[n] !== 'Z');
}

/** Starts `firefox` or `webkit` on the profile in this folder, or in private windows. */
async function engineOn(name, folder, { isPrivate = false, blank, setOffline }, display) {
  const [child, driver] = await ENGINES[name](folder, isPrivate, display);
  const stopped = once(child, 'exit');
  // One command at a time, since each is about the tab that was switched to.
  let tail = Promise.resolve();
  const inTurn = (command) => (tail = tail.catch(() => {}).then(command));
  let current;
  async function at(handle, command) {
    if (current !== handle) await driver.switchTo({ handle });
    current = handle;
    return command();
  }
  const pages = new Map();
  let [unused] = await driver.windows();
  /** WebDriver opens a tab from another one. */
  async function newHandle() {
    const [one] = await driver.windows();
    return at(one, async () => (await driver.newWindow({ type: 'tab' })).handle);
  }

  async function newPage() {
    const handle = unused ?? (await inTurn(newHandle));
    unused = undefined;
    const command = (work) => inTurn(() => at(handle, work));
    async function close() {
      pages.delete(handle);
      // A browser ends with its last tab.
      if (pages.size === 0) unused ??= await inTurn(newHandle);
      await command(() => driver.closeWindow());
      current = undefined;
    }
    pages.set(handle, page(command, driver, { addScript, close }));
    return pages.get(handle);
  }

  let scripts = 0;
  /** Only `webkit-browser.py` reads these. */
  async function addScript(text) {
    const file = join(folder, `${scripts++}.js`);
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  }

  /** Asks a tab at the host of our cookies, as WebDriver knows only those of the tab's page. */
  async function withCookies(work) {
    for (const one of pages.values()) if (new URL(await one.url()).hostname === new URL(blank).hostname) return work(one);
    const one = await newPage();
    await one.goto(blank);
    const result = await work(one);
    [unused] = [...pages].find(([, page]) => page === one);
    pages.delete(unused);
    return result;
  }

  const stop = async () => {
    process.kill(-child.pid, 'SIGKILL');
    await stopped;
  };
  return {
    profile: {
      newPage,
      addInitScript: (work) => addScript(`(${work})()`),
      setOffline,
      cookies: () => withCookies((one) => one.cookies()),
      addCookies: (cookies) => withCookies(async (one) => {
        for (const cookie of cookies) await one.addCookie(cookie);
      }),
      close: stop,
    },
    stopped,
    /** SIGKILL to every process of it: nothing is written any more. */
    kill: stop,
    /** As a person closes it: everything is written. */
    async close() {
      await inTurn(() => driver.quit());
      // A driver outlives its browser.
      await until(async () => (await members(child.pid)).every((id) => name === 'webkit' && Number(id) === child.pid), 'its end');
      child.kill();
      await stopped;
    },
  };
}

/** A screen in memory, which GTK needs, and the engines on it. */
export async function engines() {
  const screen = spawn('Xvfb', ['-displayfd', '1', '-nolisten', 'tcp'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [number] = await once(screen.stdout, 'data');
  const stop = () => {
    killAll();
    screen.kill();
  };
  process.once('exit', stop);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  return {
    on: (name, folder, options = {}) => engineOn(name, folder, options, `:${String(number).trim()}`),
    stop,
  };
}
