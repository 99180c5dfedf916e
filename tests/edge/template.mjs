// edge.yaml as CloudFormation makes it of some parameters.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VENV = `${ROOT}.venv/bin/python`;

/** Its resources, by name. `parameters` replace the defaults of tests/contract/edge_template.py. */
export function resources(parameters = {}) {
  const given = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  const program = [`${ROOT}tests/contract/edge_template.py`, ...given];
  const { Resources } = JSON.parse(execFileSync(existsSync(VENV) ? VENV : 'python', program, { cwd: ROOT }));
  return Resources;
}
