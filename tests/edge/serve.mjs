// The local edge for other programs: `PORT=9100 API=http://localhost:9000 SITE=folder node tests/edge/serve.mjs OriginSecret=… …`, with
// parameters of edge.yaml. It prints its address once it listens. The API has to know the hash of the secret: ORIGIN_SECRET_HASHES.

import { listen } from './edge.mjs';

const { PORT = '9100', API = 'http://localhost:9000', SITE = 'web/demo/dist' } = process.env;
const parameters = Object.fromEntries(process.argv.slice(2).map((argument) => argument.split(/=(.*)/s)));
const { url } = await listen({ api: API, site: SITE, parameters }, Number(PORT));
console.log(url);
