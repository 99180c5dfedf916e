// The processes of the rehearsal: Kakao's stand-in, Django, our stack, and the site's front door.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { api, until } from '../../../web/e2e/world.mjs';

export const project = join(import.meta.dirname, '../../..');
const service = join(import.meta.dirname, 'service');
const PYTHON = join(project, 'target/django/bin/python');
const LOGIN = '/dj-rest-auth/kakao/';
const PAGE = { '/': ['index.html', 'text/html'], '/front-end.mjs': ['front-end.mjs', 'text/javascript'] };

const answers = (url) => fetch(url).then(() => true, () => false);

/** Runs a command with this input, and returns its status, or the signal that ended it, its output and errors. `onStart` gets the process. */
export async function run(command, args, { input = '', onStart, ...options } = {}) {
  const child = spawn(command, args, options);
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => void (said[name] += text));
  onStart?.(child);
  // It may have ended without reading.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [status, signal] = await once(child, 'close');
  return { status: status ?? signal, ...said };
}

/** The service, with this database. */
export class Django {
  constructor(ports, environment) {
    this.ports = ports;
    /** Requests that the running one has not answered yet. */
    this.waiting = new Set();
    this.environment = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...environment };
  }

  /** Starts it with these settings, on another port, and then stops the one that ran, once it has answered everybody. */
  async start(settings = {}) {
    const { stop, waiting } = this;
    this.ports.reverse();
    const [port] = this.ports;
    const args = ['-m', 'gunicorn', 'django.core.wsgi:get_wsgi_application()', '--workers', '2', '--bind', `127.0.0.1:${port}`];
    const env = { ...this.environment, DJANGO_SETTINGS_MODULE: 'settings', ...settings };
    const child = spawn(PYTHON, [...args, '--log-level', 'warning'], { cwd: service, env, stdio: ['ignore', 'inherit', 'inherit'] });
    const stopped = once(child, 'exit');
    this.stop = async () => {
      child.kill();
      await stopped;
    };
    const url = `http://localhost:${port}`;
    await until(() => child.exitCode !== null || answers(`${url}/api/orders/`), 'Django answers');
    this.url = url;
    this.waiting = new Set();
    await Promise.allSettled(waiting);
    await stop();
  }

  async stop() {}

  /** Runs `manage.py`, and returns what it printed. */
  async manage(args, input) {
    const ran = await run(PYTHON, ['manage.py', ...args], { cwd: service, env: this.environment, input });
    if (ran.status !== 0) throw new Error(`manage.py ${args.join(' ')}: ${ran.status}\n${ran.stderr}`);
    return ran;
  }

  /** Runs Python in Django's shell. */
  shell(text) {
    return this.manage(['shell', '-v', '0'], text);
  }

  /** Runs a file of the service in Django's shell, and returns the JSON that it printed. */
  async ask(name) {
    return JSON.parse((await this.shell(await readFile(join(service, name), 'utf8'))).stdout);
  }
}

/** Our stack on a table that stays when it is deployed anew. */
export class Stack {
  constructor(ports, settings) {
    [this.port, this.kakao, this.dynamodb, this.lambda] = ports;
    this.settings = settings;
    this.url = `http://localhost:${this.port}`;
  }

  async deploy(settings = {}) {
    await this.stop();
    const ports = { KAKAO_PORT: this.kakao, DYNAMODB_PORT: this.dynamodb, LAMBDA_PORT: this.lambda };
    this.running = await api(this.port, { ...ports, ...this.settings, ...settings });
    await until(() => answers(`${this.url}/.well-known/jwks.json`), 'our stack answers');
  }

  async stop() {
    await this.running?.stop();
    this.running = undefined;
  }

  /** Asks DynamoDB itself. */
  async table(operation, body) {
    const headers = {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-date': '20260101T000000Z',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      authorization: 'AWS4-HMAC-SHA256 Credential=local/20260101/ap-northeast-2/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
    };
    const response = await fetch(`http://localhost:${this.dynamodb}/`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${operation}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** The name of the table of users. */
  async tableName() {
    this.name ??= (await this.table('ListTables', {})).TableNames.find((name) => !name.endsWith('Keys'));
    return this.name;
  }

  /** Runs an operator's command. */
  async admin(args, options = {}) {
    const env = {
      ...process.env,
      USERS_TABLE: await this.tableName(),
      ROTATE_KEYS_FUNCTION: 'RotateKeys',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'x',
      AWS_DEFAULT_REGION: 'ap-northeast-2',
      AWS_ENDPOINT_URL_DYNAMODB: `http://localhost:${this.dynamodb}`,
      AWS_ENDPOINT_URL_LAMBDA: `http://localhost:${this.lambda}`,
    };
    return run(join(project, 'target/debug/admin'), args, { cwd: project, env, ...options });
  }
}

/** The site's own address: its page, the service's API, and a login that Django answers, or after the move our stack. */
export async function frontDoor(port, django) {
  const door = { origin: `http://localhost:${port}`, moved: undefined, isClosed: false };
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, door.origin);
    if (PAGE[pathname]) {
      const [file, type] = PAGE[pathname];
      return response.writeHead(200, { 'content-type': type }).end(await readFile(join(import.meta.dirname, 'page', file)));
    }
    if (door.isClosed && pathname === LOGIN) return response.writeHead(503, { 'retry-after': '600' }).end('{}');
    const isService = pathname.startsWith('/api/') || !door.moved;
    const target = new URL(request.url, isService ? django.url : door.moved.url);
    const onwards = http.request(target, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onwards.on('error', () => request.socket.destroy());
    if (isService) {
      const { waiting } = django;
      const answered = new Promise((resolve) => response.once('close', resolve));
      waiting.add(answered);
      void answered.then(() => waiting.delete(answered));
    }
    request.pipe(onwards);
  });
  server.listen(port, 'localhost');
  await once(server, 'listening');
  door.stop = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return door;
}
