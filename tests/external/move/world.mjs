// What the rehearsal has: Kakao, the service, our stack, the site, and the people.

import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { picked } from '../../../web/e2e/engines/pick.mjs';
import { freePorts } from '../../../web/e2e/world.mjs';
import { Django, frontDoor, project, Stack } from './stage.mjs';

const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

/** A number of Kakao's has up to 19 digits, more than a number of JavaScript. */
const withNumber = (body) => JSON.stringify(body).replace(/"id":"(\d+)"/, '"id":$1');

/** Starts Kakao and the site. Django and the stack start later. */
export async function world() {
  const folder = await mkdtemp(join(tmpdir(), 'kakao-login-move-'));
  const [djangoPort, nextPort, sitePort, otherPort, ...ports] = await freePorts(12);
  const callback = `http://localhost:${sitePort}/callback`;
  const kakaoUrl = `http://localhost:${ports[1]}`;
  const kakao = new Stack(ports.slice(0, 4), { CALLBACK_URI: '', REDIRECT_URIS: callback, ALLOWED_ORIGINS: `http://localhost:${sitePort}` });
  await kakao.deploy();

  // As the documentation says, in an app of the service.
  await cp(join(project, 'docs/django'), join(folder, 'kakao_login'), { recursive: true });
  await writeFile(join(folder, 'kakao_login/__init__.py'), '');
  const signingKey = randomBytes(32).toString('base64url');
  const eventsKey = `Bearer ${randomBytes(32).toString('base64url')}`;
  const django = new Django([djangoPort, nextPort], {
    PYTHONPATH: folder,
    SECRET_KEY: signingKey,
    KAKAO_URL: kakaoUrl,
    SQLITE_PATH: join(folder, 'django.sqlite'),
    ISSUER: `http://localhost:${sitePort}`,
    EVENTS_KEY: eventsKey,
  });
  const door = await frontDoor(sitePort, django);
  const site = { origin: door.origin, other: `http://localhost:${otherPort}` };
  const stack = new Stack(ports.slice(4, 8), {
    DATA: join(folder, 'stack'),
    KAKAO_AUTH_URL: kakaoUrl,
    KAKAO_API_URL: kakaoUrl,
    ISSUER: site.origin,
    ALLOWED_ORIGINS: `${site.origin},${site.other}`,
    REDIRECT_URIS: callback,
    CALLBACK_URI: '',
    LOGIN_RATE_LIMIT: 1000,
    LOGIN_BURST_LIMIT: 1000,
    USER_IDS: 'numbers',
    USER_EVENTS_URL: `${site.origin}/api/user-events/`,
    USER_EVENTS_AUTHORIZATION: eventsKey,
  });
  const browsers = picked({});

  const control = async (what, body) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${kakaoUrl}/control/${what}`, { method: 'POST', headers, body: withNumber(body) });
    if (!response.ok) throw new Error(`Kakao's control/${what}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  return {
    folder,
    django,
    stack,
    door,
    site,
    browsers,
    signingKey,
    /** Somebody at Kakao, and the credentials of their logins. */
    async atKakao(about) {
      const { name: user, id } = await control('users', about);
      return {
        kakao: id,
        token: () => control('tokens', { user }),
        async code() {
          const { code } = await control('codes', { user, redirect_uri: callback, code_challenge: CHALLENGE });
          return { code, redirect_uri: callback, code_verifier: VERIFIER };
        },
      };
    },
    async stop() {
      for (const one of [browsers, door, django, stack, kakao]) await one.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** Does this for each of them, a few at once, and returns what it returned. */
export async function forEach(many, task, atOnce = 4) {
  const results = [];
  const entries = many.entries();
  const work = async () => {
    for (const [n, one] of entries) results[n] = await task(one, n);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}
