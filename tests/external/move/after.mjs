// After the move, users join and leave here; and the way back.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join as path } from 'node:path';
import { until } from '../../../web/e2e/world.mjs';
import { figure, timed } from './figures.mjs';
import { admin, exportHere } from './moves.mjs';
import { visitor } from './visitors.mjs';
import { forEach } from './world.mjs';

/** New users log in here, and get the numbers after Django's last. Returns them. */
export async function join(world, last) {
  const [caller, silent] = [visitor('program', world.site), visitor('program', world.site)];
  const people = [];
  for (const [n, one] of [caller, silent].entries()) {
    const atKakao = await world.atKakao({ id: String(5_000_000_000 + n), nickname: `new ${n}` });
    const { status, user } = await one.logIn({ ...(await atKakao.token()), transport: 'body' });
    assert.equal(status, 200);
    figure(`the number of new user ${n + 1}`, user.pk, last + 1 + n);
    people.push({ one, atKakao, id: user.pk });
  }
  const before = await world.django.ask('facts.py');
  const { status, body } = await caller.post('/api/orders/', { title: 'the first' });
  const after = await world.django.ask('facts.py');
  figure('a new user has a row in Django before the first request there', last + 1 in before.users, false);
  figure('… and after it', status === 201 && last + 1 in after.users, true);
  figure('… and the new order points at', after.orders[body.id], last + 1);
  return people;
}

/** A user deletes the account here. */
export async function leave(world, someone) {
  const again = visitor('cookie', world.site);
  const { status, user } = await again.logIn(await someone.atKakao.code());
  assert.deepEqual([status, user.pk], [200, someone.id]);
  figure('a user deletes the account here', await again.leave(), 202);
  figure('… and the session does not go on', await someone.refresh(), 401);
  const isActive = async () => (await world.django.ask('facts.py')).users[someone.id].isActive;
  await until(async () => !(await isActive()), 'Django hears that a user was deleted');
  figure('… and Django, which hears of it, still lets the user in', await isActive(), false);
}

/** Gives everybody back to Django. */
export async function back(world, { visitors, people, gone, last }) {
  const file = path(world.folder, 'back.jsonl');
  const { text, users } = await timed('export of the users here', () => exportHere(world));
  await writeFile(file, text);
  const { stdout: script } = await admin(world, ['import-django']);
  const inDjango = async () => (await world.django.ask('facts.py')).users;
  const ids = async () => Object.keys(await inDjango()).length;

  const before = await ids();
  world.django.environment.USERS_FILE = file;
  await world.django.shell(script);
  figure('users that the dry run of the import into Django makes', (await ids()) - before, 0);
  world.django.environment.APPLY = 'yes';
  await timed('the import into Django', () => world.django.shell(script));
  const after = await inDjango();
  figure('users that the import into Django makes', Object.keys(after).length - before, 1);
  const same = users.filter(({ id, kakao_id: kakao }) => after[id]?.isActive && after[id].kakao.join() === kakao);
  figure('users here who are the same in Django', `${same.length} of ${users.length}`, '941 of 941');
  await world.django.shell(script);
  figure('users that it makes when it runs again', (await ids()) - Object.keys(after).length, 0);
  figure('the deleted user is active in Django', after[gone.id].isActive, false);

  await world.django.start();
  world.door.moved = undefined;
  const returning = [...people, ...visitors.slice(0, 10)];
  const returned = await forEach(returning, async ({ id, atKakao }) => {
    const one = visitor('cookie', world.site);
    const { user } = await one.logIn(await atKakao.token());
    return user?.pk === id && (await one.get('/api/orders/')).body.user === id;
  });
  figure('of two new and ten old users, those who log in at Django again as the same', returned.filter(Boolean).length, 12);
  const stranger = visitor('cookie', world.site);
  const { user } = await stranger.logIn(await (await world.atKakao({ id: '6000000000' })).token());
  figure('the number that Django gives next', user.pk, last + people.length + 1);
}
