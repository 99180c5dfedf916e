// Moves a service from Django to this stack and back, as docs/migrating-from-django.md says, and prints the figures.

import { back, join, leave } from './after.mjs';
import { logInNew, logInOld, populate, spoil, whoLogsIn } from './before.mjs';
import { figure, print, timed } from './figures.mjs';
import { dryRuns, exportDjango, importUsers, importing, resolve } from './moves.mjs';
import { blacklisted, busily, carry, IN_BODIES, mistakes, refuse, tooEarly } from './sessions.mjs';
import { world as start } from './world.mjs';

const began = performance.now();
const world = await start();
let failure;
try {
  const { people } = await populate(world);
  const who = whoLogsIn(people);
  const visitors = await timed('150 old users log in at Django', () => logInOld(world, who));

  await world.stack.deploy();
  const early = await timed('export', () => exportDjango(world, 'early.jsonl'));
  await dryRuns(world, early);

  visitors.push(...(await timed('50 new users log in at Django', () => logInNew(world))));
  const spoilt = await spoil(world, visitors, who);

  let highest, meanwhile;
  const busy = visitors.filter(({ kind }) => kind === 'cookie').slice(0, 3);
  const idle = visitors.findLast(({ kind }) => kind === 'cookie');
  const presented = await timed('the hour of the move', () => busily(busy, async () => {
    world.door.isClosed = true;
    const late = await exportDjango(world, 'late.jsonl');
    highest = late.lines[0].highest_user_id;
    await tooEarly(world, idle);
    await importUsers(world, late);
    await mistakes(world, idle);
    await world.django.start({ PHASE: 'both', IMPORTED_UP_TO: highest });
    world.door.moved = world.stack;
    world.door.isClosed = false;
    await timed('import of what Django has done meanwhile', async () => {
      meanwhile = await exportDjango(world, 'meanwhile.jsonl');
      await importing(world, meanwhile, '--apply');
    });
  }));
  await resolve(world);
  await carry(world, visitors);
  await refuse(world, { ...spoilt, meanwhile: blacklisted(presented, meanwhile) });

  await world.django.start({ PHASE: 'moved', IMPORTED_UP_TO: highest });
  const newcomers = await join(world, highest);
  const gone = visitors.find(({ kind }) => kind === 'stores');
  await world.stack.deploy({ ...IN_BODIES, USER_EVENTS: 'on' });
  await leave(world, gone);
  await back(world, { visitors: visitors.filter((one) => one !== gone), people: newcomers, gone, last: highest });
} catch (error) {
  failure = error;
} finally {
  await world.stop();
}
const seconds = Math.round((performance.now() - began) / 1000);
const isRight = print();
console.log(`the whole rehearsal took ${seconds} s`);
if (failure) console.error(failure);
process.exitCode = isRight && !failure ? 0 : 1;
