// The API and Kakao's stand-in, as one process.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';

const LOCAL = process.env.LOCAL_BIN ?? join(import.meta.dirname, '../../../target/debug/local');

const isFree = (port) =>
  new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

async function freePorts(many) {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const ports = Array.from({ length: many }, (_, n) => first + n);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports;
  }
}

export async function post(url, body) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: response.status === 204 ? null : await response.json() };
}

/** Starts it. `settings` are the API's. */
export async function local(settings = {}) {
  const [port, kakaoPort, , , clockPort] = await freePorts(5);
  const env = { ...process.env, PORT: port, CLOCK_PORT: clockPort, ...settings };
  const child = spawn(LOCAL, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const stopped = once(child, 'exit');
  // It says where it is once it listens.
  await Promise.race([once(child.stdout, 'data'), stopped.then(() => Promise.reject(new Error(`${LOCAL} ended before it listened`)))]);
  child.stdout.resume();
  const kakao = `http://127.0.0.1:${kakaoPort}`;
  return {
    api: `http://127.0.0.1:${port}`,
    kakao,
    clock: `http://127.0.0.1:${clockPort}`,
    /** A person at Kakao. */
    person: async (nickname) => (await post(`${kakao}/control/users`, { nickname })).body.name,
    async stop() {
      child.kill();
      await stopped;
    },
  };
}
