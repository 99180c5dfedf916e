// The edge stack of edge.yaml between browser and API (EDGE=1): one host for both, and an API that answers no other.

import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { listen } from '../../tests/edge/edge.mjs';

const PAGE = fileURLToPath(new URL('page', import.meta.url));

/** A secret for CloudFront, and what the functions know of it. */
export function originSecret() {
  const secret = randomBytes(32).toString('base64url');
  return { secret, settings: { ORIGIN_SECRET_HASHES: createHash('sha256').update(secret).digest('hex') } };
}

/** Builds the page, as a bucket would have it, and puts the edge before it and the API. `define` is what the build has to know. */
export async function edgeWorld({ port, api, secret, define }) {
  const site = await mkdtemp(join(tmpdir(), 'kakao-login-site-'));
  await build({ configFile: false, logLevel: 'error', root: PAGE, define, build: { outDir: site, emptyOutDir: true } });
  const edge = await listen({ api, site, parameters: { OriginSecret: secret } }, port);
  return {
    async close() {
      await edge.stop();
      await rm(site, { recursive: true });
    },
  };
}
