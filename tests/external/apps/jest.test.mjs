// Jest, which loads the library as CommonJS and whose jsdom lacks `fetch`, `Request` and `crypto.subtle`.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { installed } from './here.mjs';

test('an app’s tests in Jest pass, and their process ends by itself', async () => {
  const cwd = await installed('jest');
  const child = spawn(process.execPath, ['node_modules/jest/bin/jest.js', '--runInBand', '--detectOpenHandles'], { cwd });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), 120_000);
  const [code, signal] = await once(child, 'exit');
  clearTimeout(timer);
  assert.equal(signal, null, `it did not end:\n${said}`);
  assert.equal(code, 0, said);
  assert.match(said, /Tests: +4 passed/);
  assert.doesNotMatch(said, /open handle|did not exit/i);
});
