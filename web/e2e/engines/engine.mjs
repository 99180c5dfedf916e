// Firefox and WebKitGTK on profiles that outlive them: they can be closed, killed, and started again.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts, until } from '../world.mjs';
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
    const browserOptions = { binary: WEBKIT, args: isPrivate ? [] : [folder] };
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

/** Starts a function of the page, which need not have ended when the next one starts. */
const BEGIN = (work) => `
  const run = {};
  (window.runs ??= []).push(run);
  (async () => (${work})(arguments[0]))().then((value) => (run.end = { value }), (error) => (run.end = { error: String(error) }));
  return window.runs.length - 1;`;
const END = 'const run = window.runs?.[arguments[0]]; return run ? run.end ?? null : { error: "the page was left" };';

/** A tab, with those methods of Playwright's pages that our tests use. */
function page(at, driver) {
  const run = (script, ...args) => at(() => driver.execute({ script, args }));
  /** Several tabs run theirs at the same time. */
  async function evaluate(work, arg) {
    const id = await run(BEGIN(work), arg);
    let end;
    await until(async () => (end = await run(END, id)), `an end of ${work}`);
    if (end.error) throw new Error(end.error);
    return end.value;
  }
  const waitForFunction = (condition, arg) => until(() => evaluate(condition, arg), String(condition));
  // WebKit's driver does not wait for the scripts of a browser's first page.
  const loaded = () => waitForFunction(() => document.readyState === 'complete');
  return {
    evaluate,
    waitForFunction,
    goto: (url) => at(() => driver.navigate({ url })).then(loaded),
    reload: () => at(() => driver.refresh()).then(loaded),
    close: () => at(() => driver.closeWindow()),
    locator: (selector) => ({ textContent: () => evaluate((selector) => document.querySelector(selector)?.textContent, selector) }),
  };
}

/** Starts `firefox` or `webkit` on the profile in this folder, or in private windows. */
async function engineOn(name, folder, isPrivate, display) {
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
  let [unused] = await driver.windows();
  return {
    profile: {
      async newPage() {
        const handle = unused ?? (await inTurn(() => driver.newWindow({ type: 'tab' }))).handle;
        unused = undefined;
        return page((command) => inTurn(() => at(handle, command)), driver);
      },
    },
    stopped,
    /** SIGKILL to every process of it: nothing is written any more. */
    async kill() {
      process.kill(-child.pid, 'SIGKILL');
      await stopped;
    },
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
    on: (name, folder, { isPrivate = false } = {}) => engineOn(name, folder, isPrivate, `:${String(number).trim()}`),
    stop,
  };
}
