// Writes a `.br` and a `.gz` beside each file of the build that gets smaller by it.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';

const TEXTS = ['.html', '.js', '.css', '.svg', '.json'];
const ENCODERS = { '.br': promisify(brotliCompress), '.gz': promisify(gzip) };

/** @returns {import('vite').Plugin} */
export function compress() {
  let folder = '';
  return {
    name: 'compress',
    apply: 'build',
    configResolved: ({ root, build }) => void (folder = join(root, build.outDir)),
    async closeBundle() {
      const files = await readdir(folder, { recursive: true });
      for (const file of files.filter((name) => TEXTS.includes(extname(name)))) {
        const body = await readFile(join(folder, file));
        for (const [end, encode] of Object.entries(ENCODERS)) {
          const smaller = await encode(body);
          if (smaller.length < body.length) await writeFile(join(folder, file + end), smaller);
        }
      }
    },
  };
}
