// docs/native/session.ts, bundled by Metro, on phones that have React Native's globals only.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bundle } from './bundle.mjs';
import { assertStoredBeforeSent, killAtEveryStep, turnOn } from './kills.mjs';
import { local } from './local.mjs';

let folder, app, stack;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kakao-login-phones-'));
  app = await bundle(folder);
  stack = await local();
});

after(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true });
});

let phones = 0;

async function newPhone() {
  const keychain = join(folder, `keychain-${++phones}`);
  const person = await stack.person(`phone ${phones}`);
  const { api, kakao, clock } = stack;
  return {
    item() {
      if (!existsSync(keychain)) return null;
      const { refresh, entries, flags } = JSON.parse(readFileSync(keychain, 'utf8'));
      return { refresh, prev: entries.find(({ prev }) => prev)?.prev, isLeaving: typeof flags['.logout'] === 'string' };
    },
    turnOn(script, killAt) {
      const PHONE = JSON.stringify({ bundle: app, keychain, api, kakao, clock, person, script, killAt });
      return turnOn(process.execPath, [join(import.meta.dirname, 'phone.mjs')], { PHONE });
    },
  };
}

test('session.ts has no type errors', () => {
  const tsc = join(import.meta.dirname, '../../../web/node_modules/.bin/tsc');
  execFileSync(tsc, ['-p', join(import.meta.dirname, 'tsconfig.json')], { stdio: ['ignore', 'inherit', 'inherit'] });
});

test('Hermes compiles the bundle', () => {
  const folderOf = { linux: 'linux64-bin', darwin: 'osx-bin' };
  const hermesc = join(import.meta.dirname, 'node_modules/hermes-compiler/hermesc', folderOf[process.platform], 'hermesc');
  execFileSync(hermesc, ['-w', '-emit-binary', '-out', join(folder, 'app.hbc'), app], { stdio: ['ignore', 'inherit', 'inherit'] });
});

test('a React Native app that is killed at any step keeps its session from the moment the login’s response is stored', () =>
  killAtEveryStep(newPhone, stack.api));

test('a React Native app stores everything before it sends it, in less than 1,024 bytes', async () => {
  const lines = await (await newPhone()).turnOn('day', 0);
  assertStoredBeforeSent(lines);
});

test('a React Native app begins its login with a nonce, of which Kakao gets the hash', async () => {
  const lines = await (await newPhone()).turnOn('day', 0);
  const { id_token: token, nonce, link, ...rest } = JSON.parse(lines.find(({ path }) => path === '/auth/kakao').sent);
  assert.match(nonce, /^[\w-]{43}$/);
  assert.notEqual(JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).nonce, nonce);
  assert.deepEqual(rest, { transport: 'body', device: { platform: 'android' } });
});
