// Django before the move: its users, and those who are logged in there.

import assert from 'node:assert/strict';
import { visitor, visitorInBrowser } from './visitors.mjs';
import { forEach } from './world.mjs';

const DO_NOT_MOVE = ['without Kakao', 'inactive', 'two at Kakao', 'deleted'];
/** Live sessions of users who are old, by kind: how many, and how many of these are in Chromium. */
const OLD = { stores: [50, 2], keeps: [40, 2], program: [10, 0], cookie: [50, 2] };
/** And of users who join after the first export. */
const NEW = { cookie: [50, 2] };

/** Fills Django, and returns everybody with their ids there. */
export async function populate({ django }) {
  await django.manage(['migrate', '--run-syncdb', '-v', '0']);
  return django.ask('population.py');
}

/** Those who log in: first all of the rare kinds. */
export function whoLogsIn(people) {
  const all = people.filter(({ kind }) => !DO_NOT_MOVE.includes(kind));
  const rare = all.filter(({ kind }) => kind !== 'ordinary');
  const who = [...rare, ...all.filter(({ kind }) => kind === 'ordinary')];
  return Object.assign(who, { withoutKakao: people.filter(({ kind }) => kind === 'without Kakao') });
}

/** The refresh token of a login by password. */
async function passwordLogin({ site }, { id }) {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ username: `사용자${id}`, password: 'a password' });
  const response = await fetch(`${site.origin}/dj-rest-auth/login/`, { method: 'POST', headers, body });
  assert.equal(response.status, 200);
  await response.text();
  const [, token] = /refresh_token=([^;]+)/.exec(response.headers.getSetCookie().join());
  return token;
}

/** Logs this person in at Django. */
async function enter(world, kind, isInBrowser, person) {
  const { id, kakao, kind: about } = person;
  const withheld = about === 'bare' && { account: null, properties: false };
  const atKakao = await world.atKakao({ id: kakao, nickname: `사용자 ${id ?? kakao}`, email: `u${id ?? kakao}@example.com`, ...withheld });
  const one = isInBrowser ? await visitorInBrowser(kind, world.site, world.browsers) : visitor(kind, world.site);
  const { status, user } = await one.logIn(await atKakao.token());
  assert.equal(status, 200, `Django does not log ${kakao} in`);
  if (id) assert.equal(user.pk, id);
  const { body } = await one.get('/api/orders/');
  return Object.assign(one, { id: user.pk, atKakao, orders: body });
}

async function enterAll(world, wanted, people) {
  const plan = Object.entries(wanted).flatMap(([kind, [many, inChromium]]) =>
    Array.from({ length: many }, (_, n) => [kind, n < inChromium]),
  );
  return forEach(plan, ([kind, isInBrowser]) => enter(world, kind, isInBrowser, people.shift()));
}

/** Sessions of old users. */
export async function logInOld(world, people) {
  const { cookie, ...inBody } = OLD;
  await world.django.start({ REFRESH_IN_BODY: 'yes' });
  const visitors = await enterAll(world, inBody, people);
  await world.django.start();
  return [...visitors, ...(await enterAll(world, { cookie }, people))];
}

/** Sessions of users who join today. */
export function logInNew(world) {
  const people = Array.from({ length: NEW.cookie[0] }, (_, n) => ({ kakao: String(4_000_000_000 + n) }));
  return enterAll(world, NEW, people);
}

/** Refresh tokens that Django itself refuses: spent ones, of logouts, and of users who are not active any more. */
export async function spoil(world, visitors, people) {
  const some = visitors.filter(({ kind }, n) => kind === 'cookie' && n % 5 === 0);
  const spent = await forEach(some, async (one) => {
    const token = await one.refreshToken();
    assert.equal(await one.refresh(), 200);
    return token;
  });
  const leavers = await forEach(people.splice(0, 10), (person) => enter(world, 'cookie', false, person));
  const loggedOut = await forEach(leavers, async (one) => {
    const token = await one.refreshToken();
    assert.equal(await one.logOut(), 200);
    return token;
  });
  const blocked = await forEach(people.splice(0, 5), (person) => enter(world, 'cookie', false, person));
  await world.django.shell(`User.objects.filter(pk__in=${JSON.stringify(blocked.map(({ id }) => id))}).update(is_active=False)`);
  const strangers = await forEach(people.withoutKakao.slice(0, 3), (person) => passwordLogin(world, person));
  return { spent, loggedOut, blocked: await forEach(blocked, (one) => one.refreshToken()), strangers };
}
