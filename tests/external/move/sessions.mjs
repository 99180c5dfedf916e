// The hour of the move: those who are logged in at Django go on here.

import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { figure, timed } from './figures.mjs';
import { admin } from './moves.mjs';
import { forEach } from './world.mjs';

const DAY = 86_400_000;
const inDays = (days) => new Date(Date.now() + days * DAY).toISOString().replace(/\.\d+/, '');
const putKey = (world, key) => admin(world, ['put-django-key', 'stack'], { input: `${key}\n` });
/** Settings while sessions of Django are accepted. They live 14 days there. */
const OPEN = { DJANGO_REFRESH_UNTIL: inDays(15) };
/** And for front ends that keep the token themselves. */
export const IN_BODIES = { ...OPEN, COMPATIBILITY: 'dj-rest-auth' };

/** A refresh at the stack's own address, before the site sends anybody there. */
async function refreshHere(world, one) {
  one.at = world.stack.url;
  const status = await one.refresh();
  one.at = undefined;
  return status;
}

/** A mistake of the operator: a refresh is refused, and the browser keeps its session for when it is corrected. */
async function mistake(world, one, what, key, settings) {
  const token = await one.refreshToken();
  await putKey(world, key);
  await world.stack.deploy(settings);
  figure(`a refresh ${what}`, await refreshHere(world, one), 401);
  figure('… leaves the browser its cookie', (await one.refreshToken()) === token, true);
}

export const tooEarly = (world, one) => mistake(world, one, 'before the import', world.signingKey, OPEN);

/** The mistakes that can be made with the key and the date. In the end both are right. */
export async function mistakes(world, one) {
  await mistake(world, one, 'with another key', 'x'.repeat(43), OPEN);
  await mistake(world, one, 'after the date', world.signingKey, { DJANGO_REFRESH_UNTIL: inDays(-1) });
  await mistake(world, one, 'without a date', world.signingKey, {});
  await world.stack.deploy(OPEN);
}

/** Does the task while these visitors go on using the service, and counts what fails for them. Returns the tokens that they presented. */
export async function busily(visitors, task) {
  let isOver = false;
  const [tokens, failures] = [[], []];
  const use = async (one) => {
    while (!isOver) {
      tokens.push(await one.refreshToken());
      const statuses = [await one.refresh(), (await one.get('/api/orders/')).status];
      if (statuses.some((status) => status !== 200)) failures.push([one.kind, ...statuses]);
    }
  };
  const using = Promise.allSettled(visitors.map(use));
  await task().finally(() => (isOver = true));
  failures.push(...(await using).flatMap(({ reason }) => reason ?? []));
  if (failures.length > 0) console.log(failures);
  figure('requests in that hour that failed', failures.length, 0);
  return tokens.filter(Boolean);
}

/** Of these tokens, those that Django has blacklisted by this export. */
export function blacklisted(tokens, { lines }) {
  const listed = new Set(lines.map(({ jti }) => jti));
  const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1] ?? 'e30', 'base64url'));
  return tokens.filter((token) => listed.has(claims(token).jti ?? ''));
}

/** Everybody goes on: they ask the login who they are, and the service for their orders. Then they refresh once more. */
export async function carry(world, visitors) {
  const goOn = async (some) => {
    const went = await forEach(some, async (one, n) => {
      // Some come back to the page, and the others never left it.
      if (n % 2) await one.reload();
      const user = await one.get('/dj-rest-auth/user/');
      const orders = await one.get('/api/orders/');
      return user.body.pk === one.id && orders.status === 200 && isDeepStrictEqual(orders.body, one.orders);
    });
    return went.filter(Boolean).length;
  };
  const isInBody = ({ kind }) => kind === 'stores' || kind === 'keeps';
  const [inBody, others] = [visitors.filter(isInBody), visitors.filter((one) => !isInBody(one))];
  await timed('… this took', async () => {
    figure('visitors by cookie, and programs, who go on as the same users', await goOn(others), others.length);
  });
  await world.stack.deploy(IN_BODIES);
  await timed('… this took', async () => {
    figure('visitors with the token in bodies who do', await goOn(inBody), inBody.length);
  });
  const again = await forEach(visitors, (one) => one.refresh());
  const went = again.filter((status) => status === 200).length;
  figure('sessions that refreshed', `${went} of ${visitors.length}`, '200 of 200');
  figure('people logged out', visitors.length - went, 0);
  const left = await forEach(visitors.filter(({ kind }) => kind === 'cookie'), (one) => one.refreshToken());
  figure('cookies of Django that browsers still keep', left.filter(Boolean).length, 0);
}

/** What Django would refuse, or what has been used, is refused here. */
export async function refuse(world, { spent, meanwhile, loggedOut, blocked, strangers }) {
  const present = async (refresh) => {
    const headers = { 'content-type': 'application/json', cookie: `refresh_token=${refresh}`, origin: world.site.origin };
    const response = await fetch(`${world.site.origin}/dj-rest-auth/token/refresh/`, { method: 'POST', headers, body: '{}' });
    await response.text();
    return response.status;
  };
  const kinds = {
    'spent at Django': spent,
    'spent at Django in the hour of the move': meanwhile,
    'logged out at Django': loggedOut,
    'of inactive users': blocked,
    'of users without Kakao': strangers,
  };
  for (const [what, tokens] of Object.entries(kinds)) {
    const statuses = await forEach(tokens, present);
    const refused = statuses.filter((status) => status === 401).length;
    assert(tokens.length > 0, what);
    figure(`tokens ${what} that are refused`, `${refused} of ${tokens.length}`, `${tokens.length} of ${tokens.length}`);
  }
}
