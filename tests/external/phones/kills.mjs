// A phone that is killed after each of its steps, and switched on again: does its user have to log in?

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { post } from './local.mjs';

/** Runs a phone. It prints what happens as lines of JSON; the last one of a phone that was killed says where. */
export async function turnOn(program, args, env) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  const [code, signal] = await once(child, 'close');
  const lines = Buffer.concat(chunks).toString().trim().split('\n').map((line) => JSON.parse(line));
  const wrong = lines.find(({ threw }) => threw);
  assert(!wrong && (code === 0 || signal === 'SIGKILL'), `${JSON.stringify(wrong ?? lines.at(-1))} (${code ?? signal})`);
  return lines;
}

export const find = (lines, name) => lines.find((line) => name in line)?.[name];
export const values = (lines, name) => lines.filter((line) => name in line).map((line) => line[name]);

/**
 * `newPhone` makes a phone with `item()`, what is on its disk (`refresh`, `prev`, `isLeaving`), and `turnOn(script, killAt)`. The script
 * `day` is a login, refreshes of which one loses its response, an hour of silence and a logout; `again` starts the app and refreshes
 * three times.
 */
export async function killAtEveryStep(newPhone, api) {
  const kills = [];
  for (let killAt = 1; ; killAt++) {
    const phone = await newPhone();
    const lines = await phone.turnOn('day', killAt);
    const killed = find(lines, 'killed');
    if (!killed) {
      assert.deepEqual(values(lines, 'profile'), [200, 200]);
      assert.equal(phone.item(), null);
      break;
    }
    kills.push(killed);
    const where = `step ${killAt}, ${killed}`;
    const item = phone.item();
    if (find(lines, 'shown') && !find(lines, 'leaving')) assert(item?.refresh, `${where}: shown to the user, but not stored`);

    const later = await phone.turnOn('again', 0);
    assert.equal(find(later, 'found'), !!item?.refresh && !item.isLeaving, where);
    // Also refreshes more than once, as a chain that has forked ends at the second one.
    assert.deepEqual(values(later, 'profile'), [200, 200, 200], where);
    assert.deepEqual(
      later.filter(({ path, status }) => path && status !== 200),
      [],
      where,
    );
    if (item?.isLeaving && item.refresh) {
      const { refresh, prev } = item;
      const { status } = await post(`${api}/auth/refresh`, { refresh, link: { prev, next: 'A'.repeat(22) } });
      assert.equal(status, 401, `${where}: logged out, but the session goes on`);
    }
  }
  for (const path of ['/auth/kakao', '/auth/refresh', '/auth/logout']) {
    for (const when of [`before sending ${path}`, `before the response to ${path} arrives`]) assert(kills.includes(when), when);
  }
}

/** Everything that a phone of this day has sent was on its disk before. */
export function assertStoredBeforeSent(lines) {
  const stored = [];
  for (const { wrote, path, sent } of lines) {
    if (wrote) stored.push(wrote);
    if (path !== '/auth/refresh') continue;
    const { refresh, link } = JSON.parse(sent);
    for (const secret of [refresh, link.prev, link.next]) assert(stored.at(-1).includes(secret), `${path}: sent before it was stored`);
  }
  for (const text of stored) assert(Buffer.byteLength(text) < 1_024, `${text.length} bytes`);
}
