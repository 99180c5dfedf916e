// Installs what these tests need from npm and PyPI into this folder, unless it is there.

import { execFileSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const isNewer = (file, than) => existsSync(join(here, file)) && statSync(join(here, file)).mtimeMs > statSync(join(here, than)).mtimeMs;
const run = (program, args) => execFileSync(program, args, { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] });

export function fromNpm() {
  if (isNewer('node_modules/.package-lock.json', 'package-lock.json')) return;
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
}

/** The path of a Python that has what requirements.txt names. */
export function fromPyPI() {
  if (!isNewer('.venv/installed', 'requirements.txt')) {
    run('python3', ['-m', 'venv', '.venv']);
    run('.venv/bin/pip', ['install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt']);
    writeFileSync(join(here, '.venv/installed'), '');
  }
  return join(here, '.venv/bin/python');
}
