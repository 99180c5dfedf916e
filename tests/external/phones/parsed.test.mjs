// The recipes for which there is no compiler here have no syntax errors, and no recipe is longer than a screen.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromPyPI } from './install.mjs';

const recipes = join(import.meta.dirname, '../../../docs/native');

for (const name of ['KakaoSession.swift', 'kakao_session.dart']) {
  test(`${name} can be parsed`, () => {
    const said = execFileSync(fromPyPI(), [join(import.meta.dirname, 'parse.py'), join(recipes, name)], { encoding: 'utf8' });
    assert.equal(said, '');
  });
}

test('no recipe has more than 60 lines', () => {
  const lines = readdirSync(recipes).map((name) => [name, readFileSync(join(recipes, name), 'utf8').trimEnd().split('\n').length]);
  assert.equal(lines.length, 4);
  assert.deepEqual(
    lines.filter(([, count]) => count > 60),
    [],
  );
});
