// A CloudFront of this machine: the distribution of edge.yaml in front of a gateway and of a folder with a front end.
//
// It does what the documentation says of CloudFront, so that a mistake in edge.yaml shows in a browser: behaviors, functions, policies,
// methods, caching, what is forwarded, and the origin secret. The firewall is not there, and HTTP counts as HTTPS.

import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { get } from './bucket.mjs';
import { handler, headersOf, viewerRequest } from './functions.mjs';
import { cachePolicy, lifetime, originRequestPolicy, responseHeaders } from './policies.mjs';
import { resources } from './template.mjs';

/** They concern one connection. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'];
/** What an origin gets of a viewer's request whatever the policies say. */
const ALWAYS = ['content-length', 'content-type', 'if-none-match', 'if-modified-since'];
const METHOD_REFUSED = 'This distribution is not configured to allow the HTTP request method that was used for this request.';

const fits = (pattern, path) =>
  new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(path);

/** The path by which CloudFront chooses a behavior (RFC 3986 §6.2.2). The origin gets the path as it was sent. */
function normalized(path) {
  const unreserved = path.replace(/%[0-9a-f]{2}/gi, (code) => {
    const char = String.fromCharCode(parseInt(code.slice(1), 16));
    return /[\w.~-]/.test(char) ? char : code;
  });
  return new URL(`http://edge${unreserved.replace(/\/{2,}/g, '/')}`).pathname;
}

/** The values of a request's headers, by their names in lower case. */
function valuesOf({ rawHeaders }) {
  const values = {};
  for (let n = 0; n < rawHeaders.length; n += 2) (values[rawHeaders[n].toLowerCase()] ??= []).push(rawHeaders[n + 1]);
  return values;
}

async function read(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/**
 * A server that does not listen yet. `api` is the gateway's address, `site` a folder, `parameters` those of edge.yaml, and `viewer` tells
 * the address of a request's sender.
 */
function edge({ api, site, parameters, viewer = (request) => request.socket.remoteAddress.replace('::ffff:', '') }) {
  const made = resources(parameters);
  const { CacheBehaviors, DefaultCacheBehavior, CustomErrorResponses, Origins } = made.Distribution.Properties.DistributionConfig;
  const behaviors = [...CacheBehaviors, { PathPattern: '*', ...DefaultCacheBehavior }].map((one) => ({
    ...one,
    caching: cachePolicy(one, made),
    forwarded: originRequestPolicy(one),
    added: responseHeaders(one, made),
    run: one.FunctionAssociations.map(({ FunctionARN }) => handler(made[FunctionARN['Fn::GetAtt'][0]].Properties.FunctionCode))[0],
  }));
  const errors = new Map(CustomErrorResponses.map(({ ErrorCode, ErrorCachingMinTTL, ...page }) => {
    if (Object.keys(page).length > 0) throw new Error(`the local edge has no pages for errors: ${JSON.stringify(page)}`);
    return [ErrorCode, ErrorCachingMinTTL];
  }));
  const own = Origins.find(({ Id }) => Id === 'api').OriginCustomHeaders.map(({ HeaderName, HeaderValue }) => [HeaderName.toLowerCase(), HeaderValue]);
  const agent = new http.Agent({ keepAlive: true });
  const cached = new Map();

  /** The API's response to a request that has passed the behavior's function. */
  async function fromApi({ method, uri, query, headers, ip }, { forwarded }, body) {
    const { host } = new URL(api);
    const sent = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name) && (forwarded.all || ALWAYS.includes(name)));
    const kept = Object.fromEntries(sent.filter(([name]) => name !== 'host' || forwarded.host));
    kept['x-forwarded-for'] = [[...(headers['x-forwarded-for'] ?? []), ip].join(', ')];
    kept.via = [...(kept.via ?? []), '2.0 local.cloudfront.net (CloudFront)'];
    kept['x-amz-cf-id'] = [randomBytes(24).toString('base64url')];
    kept['user-agent'] ??= ['Amazon CloudFront'];
    kept.host ??= [host];
    for (const [name, value] of own) kept[name] = [value];
    const lines = Object.fromEntries(Object.entries(kept).map(([name, values]) => [name, values.length > 1 ? values : values[0]]));
    // API Gateway finds an API by its host.
    if (kept.host[0] !== host) return { status: 403, headers: { 'content-type': 'application/json' }, body: Buffer.from('{"message":"Forbidden"}') };
    const path = forwarded.all && query ? `${uri}?${query}` : uri;
    return new Promise((resolve, reject) => {
      const request = http.request(api, { method, path, headers: lines, agent }, async (answer) => {
        const headers = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !HOP_BY_HOP.includes(name)));
        read(answer).then((body) => resolve({ status: answer.statusCode, headers, body }), reject);
      });
      request.on('error', reject).end(body);
    });
  }

  async function answer(request) {
    const body = await read(request);
    const [path, query = ''] = request.url.split(/\?(.*)/s);
    const behavior = behaviors.find(({ PathPattern }) => fits(PathPattern, normalized(path)));
    const refused = (text) => ({ status: 403, headers: { server: 'CloudFront', 'content-type': 'text/html' }, body: Buffer.from(text), from: 'Error' });
    if (!behavior.AllowedMethods.includes(request.method)) return refused(METHOD_REFUSED);
    const isRead = ['GET', 'HEAD'].includes(request.method);
    if (isRead && body.length > 0) return refused('Bad request.');
    const ip = viewer(request);
    const values = valuesOf(request);
    const before = viewerRequest({ method: request.method, uri: path, query, headers: values, ip });
    const after = behavior.run(before);
    for (const part of ['method', 'querystring', 'cookies']) {
      if (JSON.stringify(after[part]) !== JSON.stringify(before.request[part])) throw new Error(`the local edge does not change the ${part}`);
    }
    const asked = { method: request.method, uri: after.uri, query, headers: { ...headersOf(after), ...(values.cookie && { cookie: values.cookie }) }, ip };
    const key = `${behavior.TargetOriginId} ${request.method} ${asked.uri}`;
    const known = isRead && cached.get(key);
    if (known && known.until > Date.now()) {
      const age = String(Math.floor((Date.now() - known.at) / 1_000));
      const isSame = known.headers.etag && asked.headers['if-none-match']?.includes(known.headers.etag);
      const found = { ...known, headers: { ...known.headers, age }, from: 'Hit' };
      return { ...(isSame ? { ...found, status: 304, body: Buffer.alloc(0) } : found), added: behavior.added };
    }
    const isSite = behavior.TargetOriginId === 'site';
    const got = isSite ? await get(site, asked.uri, asked.headers) : await fromApi(asked, behavior, body);
    const seconds = lifetime(got, behavior.caching, (status) => errors.get(status) ?? 10);
    if (isRead && got.status !== 304 && seconds > 0) cached.set(key, { ...got, at: Date.now(), until: Date.now() + seconds * 1_000 });
    return { ...got, from: got.status < 400 ? 'Miss' : 'Error', added: behavior.added };
  }

  const handle = async (request, response) => {
    const failed = { status: 502, headers: { server: 'CloudFront', 'content-type': 'text/html' }, from: 'Error' };
    const { status, headers, body, from, added } = await answer(request).catch((error) => ({ ...failed, body: Buffer.from(String(error)) }));
    const ours = { via: '1.1 local.cloudfront.net (CloudFront)', 'x-cache': `${from} from cloudfront`, 'x-amz-cf-id': randomBytes(24).toString('base64url') };
    response.writeHead(status, { ...headers, ...added, ...ours });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  return http.createServer(handle).on('close', () => agent.destroy());
}

/** Listens on this port of localhost. */
export async function listen(settings, port) {
  const server = edge(settings);
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, 'localhost', resolve));
  return {
    url: `http://localhost:${port}`,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
