// docs/native/KakaoSession.kt, compiled and run with Debian's OkHttp 3.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fromNpm } from './install.mjs';
import { assertStoredBeforeSent, killAtEveryStep, turnOn, values } from './kills.mjs';
import { local } from './local.mjs';

const here = import.meta.dirname;
const compiler = join(here, 'node_modules/kotlin-compiler');
// From the Debian packages libokhttp-java, libokio-java and libandroid-json-org-java.
const libraries = ['okhttp', 'okio', 'json-android'].map((name) => `/usr/share/java/${name}.jar`);
// An extension of a companion that only OkHttp 4 has. kotlin/OkHttp3.kt has it for OkHttp 3.
const IMPORT = 'import okhttp3.RequestBody.Companion.toRequestBody\n';

let folder, stack;

before(async () => {
  fromNpm();
  folder = await mkdtemp(join(tmpdir(), 'kakao-login-phones-'));
  const recipe = readFileSync(join(here, '../../../docs/native/KakaoSession.kt'), 'utf8');
  assert(recipe.includes(IMPORT));
  writeFileSync(join(folder, 'KakaoSession.kt'), recipe.replace(IMPORT, ''));
  const sources = [join(folder, 'KakaoSession.kt'), join(here, 'kotlin/OkHttp3.kt'), join(here, 'kotlin/Phone.kt')];
  execFileSync('bash', [join(compiler, 'bin/kotlinc'), '-nowarn', '-cp', libraries.join(':'), '-d', join(folder, 'classes'), ...sources], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  stack = await local();
});

after(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true });
});

let phones = 0;

async function newPhone({ api, kakao, clock, person: begin } = stack) {
  const vault = join(folder, `vault-${++phones}`);
  const person = await begin(`phone ${phones}`);
  const classes = [join(folder, 'classes'), join(compiler, 'lib/kotlin-stdlib.jar'), ...libraries].join(':');
  return {
    item() {
      if (!existsSync(vault)) return null;
      const { refresh, link, leaving } = JSON.parse(readFileSync(vault, 'utf8'));
      return { refresh, prev: link.prev, isLeaving: leaving === true };
    },
    turnOn: (script, killAt) =>
      turnOn('java', ['-XX:TieredStopAtLevel=1', '-cp', classes, 'com.example.session.PhoneKt'], {
        API: api,
        KAKAO: kakao,
        CLOCK: clock,
        PERSON: person,
        VAULT: vault,
        SCRIPT: script,
        KILL_AT: killAt,
      }),
  };
}

test('an app with OkHttp that is killed at any step keeps its session from the moment the login’s response is stored', () =>
  killAtEveryStep(() => newPhone(), stack.api));

test('an app with OkHttp stores everything before it sends it, in less than 1,024 bytes', async () => {
  assertStoredBeforeSent(await (await newPhone()).turnOn('day', 0));
});

test('twenty requests that OkHttp gets a 401 for at once are one refresh', async () => {
  const lines = await (await newPhone()).turnOn('crowd', 0);
  assert.deepEqual(values(lines, 'profile'), Array(20).fill(200));
  assert.equal(lines.filter(({ path }) => path === '/auth/refresh').length, 1);
  assert.equal(lines.filter(({ path, status }) => path === '/auth/profile' && status === 401).length > 1, true);
});

test('an app with OkHttp stores each successor of a rotating session', async () => {
  const rotating = await local({ SESSION_LINKS: 'off' });
  try {
    const lines = await (await newPhone(rotating)).turnOn('day', 0);
    assert.deepEqual(values(lines, 'profile'), [200, 200]);
    const sent = lines.filter(({ path }) => path === '/auth/refresh').map((line) => JSON.parse(line.sent).refresh);
    assert.equal(new Set(sent).size > 2, true);
    assert.equal(lines.some(({ path, status }) => path === '/auth/refresh' && status !== 200), false);
  } finally {
    await rotating.stop();
  }
});
