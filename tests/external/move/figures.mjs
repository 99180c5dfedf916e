// The figures of a rehearsal, as a table.

const rows = [];

/** A figure that must be this. */
export function figure(name, found, expected) {
  rows.push({ name, found: String(found), expected: String(expected) });
}

/** A time that something took, in seconds, and what it returned. */
export async function timed(name, task) {
  const start = performance.now();
  const result = await task();
  rows.push({ name, found: `${((performance.now() - start) / 1000).toFixed(1)} s`, expected: '' });
  return result;
}

/** Prints the table, and returns whether every figure is as it must be. */
export function print() {
  const width = (column) => Math.max(...rows.map((row) => row[column].length));
  const [names, found] = [width('name'), width('found')];
  let isRight = true;
  for (const row of rows) {
    const isWrong = row.expected !== '' && row.found !== row.expected;
    isRight &&= !isWrong;
    console.log(`${row.name.padEnd(names)}  ${row.found.padStart(found)}${isWrong ? `  WRONG: must be ${row.expected}` : ''}`);
  }
  return isRight;
}
