// A folder as S3 serves it to CloudFront, after it was uploaded as docs/edge.md says.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.ico': 'image/vnd.microsoft.icon',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};
const MISSING = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>';

/** The bucket's response to a path. A key is a text: `.`, `..` and repeated slashes name nothing. */
export async function get(folder, path, headers) {
  const key = decodeURIComponent(path.slice(1));
  const isName = key.split('/').every((part) => !['', '.', '..'].includes(part));
  const body = isName ? await readFile(join(folder, key)).catch(() => null) : null;
  if (!body) return { status: 404, headers: { server: 'AmazonS3', 'content-type': 'application/xml' }, body: Buffer.from(MISSING) };
  const etag = `"${createHash('md5').update(body).digest('hex')}"`;
  const found = {
    server: 'AmazonS3',
    etag,
    'cache-control': key.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
  if (headers['if-none-match']?.includes(etag)) return { status: 304, headers: found, body: Buffer.alloc(0) };
  return { status: 200, headers: { ...found, 'content-type': TYPES[extname(key)] ?? 'binary/octet-stream' }, body };
}
