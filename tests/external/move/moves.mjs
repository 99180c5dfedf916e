// The users' way: out of Django, into the stack, and what happens if a step fails.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { figure, timed } from './figures.mjs';

/** Runs an operator's command that must succeed. */
export async function admin(world, args, options) {
  const ran = await world.stack.admin(args, options);
  assert.equal(ran.status, 0, `admin ${args.join(' ')}: ${ran.status}\n${ran.stdout}${ran.stderr}`);
  return ran;
}

const parsed = (lines) => lines.trimEnd().split('\n').map((line) => JSON.parse(line));
const usersOf = (lines) => lines.filter(({ kind }) => kind === 'user');

/** Exports Django's users to this file, and returns its lines. */
export async function exportDjango(world, name) {
  const { stdout: script } = await admin(world, ['export-django']);
  const { stdout: lines } = await world.django.shell(script);
  const file = join(world.folder, name);
  await writeFile(file, lines);
  return { file, lines: parsed(lines) };
}

/** Every item of the table, as a text. */
async function items(world) {
  const found = [];
  let start;
  do {
    const page = await world.stack.table('Scan', { TableName: await world.stack.tableName(), ConsistentRead: true, ExclusiveStartKey: start });
    found.push(...page.Items.map((item) => JSON.stringify(Object.entries(item).sort())));
    start = page.LastEvaluatedKey;
  } while (start);
  return found;
}

/** How many users the table has. */
const users = async (world) => (await items(world)).filter((item) => item.includes('["sk",{"S":"PROFILE"}]')).length;

/** Imports this file, or tries to. */
export const importing = (world, { file }, ...options) => admin(world, ['import', 'stack', file, ...options]);

/** Days before, nothing is written: an export that is cut off, one with a line that cannot be read, and a whole one. */
export async function dryRuns(world, whole) {
  const { lines } = whole;
  const text = (some) => some.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n') + '\n';
  const [cut, bad] = ['cut.jsonl', 'bad.jsonl'].map((name) => join(world.folder, name));
  await writeFile(cut, text(lines.slice(0, -1)));
  const refused = await world.stack.admin(['import', 'stack', cut, '--apply']);
  figure('an export without its end is refused', refused.status, 1);
  await writeFile(bad, text(lines.with(2, '{"kind":"user","id":"a hundred"}')));
  const reported = await world.stack.admin(['import', 'stack', bad]);
  figure('a line that cannot be read is reported by its number', /\bline 3\b/.test(reported.stdout + reported.stderr), true);
  await timed('dry run', () => importing(world, whole));
  figure('users here after all this', await users(world), 0);
}

/** The import: killed in the middle, resumed, and once more. */
export async function importUsers(world, whole) {
  const { file, lines } = whole;
  const expected = usersOf(lines).length;
  let written = 0;
  const killed = await world.stack.admin(['import', 'stack', file, '--apply'], {
    async onStart(child) {
      while (!written && child.exitCode === null) written = await users(world);
      child.kill('SIGKILL');
    },
  });
  figure('an import in the middle of its work is killed', killed.status, 'SIGKILL');
  const left = await users(world);
  figure('… when it has written some users, and not all', 0 < left && left < expected, true);
  await timed('the import, resumed', () => importing(world, whole, '--apply'));
  figure('users here, of those in the export', `${await users(world)} of ${expected}`, `${expected} of ${expected}`);
  const before = await items(world);
  await importing(world, whole, '--apply');
  figure('items that a second import changes', changes(before, await items(world)), 0);
}

function changes(before, after) {
  const known = new Set(before);
  return after.filter((item) => !known.has(item)).length + Math.abs(after.length - before.length);
}

/** Whether Django's rows still point at the same people: the same number at Kakao here and there. */
export async function resolve(world) {
  const { users, orders, members } = await world.django.ask('facts.py');
  figure('users in Django', Object.keys(users).length, 1000);
  const here = new Map((await exportHere(world)).users.map(({ id, kakao_id: kakao }) => [id, kakao]));
  figure('users here', here.size, 940);
  const moves = ({ isActive, kakao }) => isActive && kakao.length === 1;
  const rows = [...Object.values(orders), ...members].filter((user) => moves(users[user]));
  assert(rows.length > 1500, 'hardly any row points at a user who moves');
  const same = rows.filter((user) => here.get(user) === users[user].kakao[0]);
  figure('foreign keys to them that point at the same person here', `${same.length} of ${rows.length}`, `${rows.length} of ${rows.length}`);
}

/** The users here as `export-users` writes them: its text, and those who live. */
export async function exportHere(world) {
  const { stdout: text } = await admin(world, ['export-users', 'stack']);
  return { text, users: usersOf(parsed(text)) };
}
