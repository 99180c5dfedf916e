// The way from the browser to the API: it counts, and it delays, loses or replaces answers as a test says.

import http from 'node:http';
import https from 'node:https';

async function read(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A server on this port, with TLS if given a key and a certificate. */
export async function server(port, tls, handle, host = 'localhost') {
  const server = tls ? https.createServer(tls, handle) : http.createServer(handle);
  await new Promise((resolve) => server.listen(port, host, resolve));
  return {
    url: `${tls ? 'https' : 'http'}://localhost:${port}`,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * Listens on `port`, with TLS if given a key and a certificate, and passes everything on to `target`. What is not a call, by its path,
 * is neither counted nor delayed, lost or replaced.
 */
export async function network(port, target, tls, isCall = () => true) {
  const agent = new http.Agent({ keepAlive: true });
  const way = {
    /** Every call, without preflights, as `{ method, path, bearer, body, status, answer }`. A status of 0: the answer was lost. */
    log: [],
    /** Access tokens that the API refuses from now on. */
    dead: new Set(),
    /** Given a call, a response `{ status, body, headers }` instead of the API's, or 'down' for none. A text is a page. */
    instead: () => undefined,
    /** Awaited between the API's answer and the browser; 'lost' loses it. */
    onItsWay: () => undefined,
    /** Whether nothing gets through. */
    isDown: false,
    count: (path, method = 'POST') => way.log.filter((call) => call.path === path && call.method === method).length,
    /** As it was: nothing counted, nothing wrong. */
    heal() {
      way.log.length = 0;
      way.dead.clear();
      way.instead = () => undefined;
      way.onItsWay = () => undefined;
      way.isDown = false;
    },
  };

  const handle = async (request, response) => {
    const { pathname, search } = new URL(request.url, target);
    const bearer = request.headers.authorization?.replace('Bearer ', '') ?? null;
    const call = { method: request.method, path: pathname + search, bearer, headers: request.headers, status: 0 };
    const isAside = request.method === 'OPTIONS' || !isCall(pathname);
    if (!isAside) way.log.push(call);
    // The whole request at once: it is passed on even if the browser has given it up by then.
    const body = await read(request).catch(() => null);
    if (!body) return;
    if (way.isDown) return request.socket.destroy();
    call.body = body.toString();
    const faked = isAside ? undefined : way.dead.has(bearer) ? { status: 401, body: {} } : await way.instead(call);
    if (faked === 'down') return request.socket.destroy();
    if (faked) {
      call.status = faked.status;
      const origin = request.headers.origin ?? '*';
      const isPage = typeof faked.body === 'string';
      response.writeHead(faked.status, {
        'content-type': isPage ? 'text/html' : 'application/json',
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        ...faked.headers,
      });
      return response.end(isPage ? faked.body : JSON.stringify(faked.body ?? {}));
    }
    const headers = tls ? { ...request.headers, 'x-forwarded-proto': 'https' } : request.headers;
    const options = { method: request.method, headers, agent };
    const onwards = http.request(new URL(request.url, target), options, async (answer) => {
      const answered = await read(answer);
      call.answer = answered.toString();
      if (!isAside && (await way.onItsWay(call)) === 'lost') return request.socket.destroy();
      if (!isAside) call.status = answer.statusCode;
      response.writeHead(answer.statusCode, answer.headers);
      response.end(answered);
    });
    onwards.on('error', () => request.socket.destroy());
    onwards.end(body);
  };
  const { stop } = await server(port, tls, handle);
  way.close = () => {
    agent.destroy();
    return stop();
  };
  return way;
}
