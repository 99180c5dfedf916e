// The scenes in each engine, over http and https (`npm run scenes`), or all other tests, in Chromium (`npm run e2e`). At the end it
// prints what passed where.

import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const TESTS = new URL('../', import.meta.url);
const SUFFIX = '.test.mjs';
const ENGINES = process.env.ENGINES?.split(',') ?? ['chromium', 'firefox', 'webkit'];
/** No file takes as long, so a browser that hangs is a failure and not the end of the run. */
const MINUTES = 8;
/** Where TLS could make a difference: the demo has none, and the network fails for both alike. */
const SECURE = ['log-in', 'links', 'secrecy', 'sites'];
const SCENES = [...SECURE, 'tabs', 'lost-responses', 'trouble', 'small-sites', 'demo-smoke'];
const OTHERS = readdirSync(TESTS).filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length)).filter((name) => !SCENES.includes(name));

/** Runs these scenes in one engine: how many tests of each passed, failed, or are not of this engine. */
async function play(engine, scheme, scenes) {
  Object.assign(process.env, { ENGINE: engine, TLS: scheme === 'https' ? '1' : '0' });
  console.log(`\n${engine}, ${scheme}`);
  const files = new Map(scenes.map((scene) => [fileURLToPath(new URL(scene + SUFFIX, TESTS)), scene]));
  const counts = Object.fromEntries(scenes.map((scene) => [scene, { passed: 0, failed: 0, skipped: 0 }]));
  const tests = run({ files: [...files.keys()], concurrency: 1, timeout: MINUTES * 60_000 });
  const count = (what) => ({ file, skip }) => void counts[files.get(file)][skip === undefined ? what : 'skipped']++;
  tests.on('test:pass', count('passed')).on('test:fail', count('failed'));
  // All of the report comes before the table.
  const report = tests.compose(new spec());
  report.pipe(process.stdout, { end: false });
  await once(report, 'end');
  return counts;
}

const text = ({ passed, failed, skipped }) => [`${passed} passed`, failed && `${failed} FAILED`, skipped && `${skipped} not`].filter(Boolean).join(', ');

const isOthers = process.argv.includes('--others');
const everywhere = ENGINES.flatMap((engine) => [[engine, 'http', SCENES], [engine, 'https', SECURE]]);
const columns = [];
for (const [engine, scheme, scenes] of isOthers ? [['chromium', 'http', OTHERS]] : everywhere) {
  columns.push([`${engine}, ${scheme}`, await play(engine, scheme, scenes)]);
}
const rows = (isOthers ? OTHERS : SCENES).map((scene) => [scene, ...columns.map(([, counts]) => (counts[scene] ? text(counts[scene]) : ''))]);
for (const row of [[isOthers ? 'tests' : 'scene', ...columns.map(([name]) => name)], Array(columns.length + 1).fill('---'), ...rows]) console.log(`| ${row.join(' | ')} |`);

// A file without a test that passed did not run at all.
const isBad = ({ passed, failed }) => failed > 0 || passed === 0;
process.exitCode = columns.some(([, counts]) => Object.values(counts).some(isBad)) ? 1 : 0;
