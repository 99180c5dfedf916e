// A phone: runs an app's bundle in a context that has what Hermes and React Native's native half give it, and nothing of Node or of a
// browser. `PHONE` (JSON) says where things are, and after which step the phone is to be killed.
//
// Its keychain is a file, and its Kakao SDK asks Kakao's stand-in. It prints what happens, a line of JSON each.

import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import http from 'node:http';
import vm from 'node:vm';

const { bundle, keychain, api, kakao, clock, person, killAt = 0, script } = JSON.parse(process.env.PHONE);
const say = (what) => writeSync(1, `${JSON.stringify(what)}\n`);

/** The path of the next request whose response is lost. */
let lost;
let steps = 0;
/** Between any two of these the phone may be killed. */
function step(name) {
  if (++steps !== killAt) return;
  say({ killed: name });
  process.kill(process.pid, 'SIGKILL');
}

/** The native half of the modules, by the names that React Native's JavaScript asks for. */
const natives = {
  NativeMicrotasksCxx: { queueMicrotask: (work) => queueMicrotask(work) },
  PlatformConstants: { getConstants: () => ({ Version: 35, Release: '15', reactNativeVersion: { major: 0, minor: 84, patch: 1 } }) },
  AppState: {
    getConstants: () => ({ initialAppState: 'active' }),
    getCurrentAppState: (found) => found({ app_state: 'active' }),
    addListener() {},
    removeListeners() {},
  },
  ExceptionsManager: {
    reportException({ message, isFatal }) {
      say({ threw: message });
      if (isFatal) process.exit(1);
    },
  },
  RNCKakaoCore: {},
  RNGetRandomValues: { getRandomBase64: (bytes) => randomBytes(bytes).toString('base64') },
  SecureStore: {
    read: () => (existsSync(keychain) ? readFileSync(keychain, 'utf8') : null),
    write(item) {
      step('before writing the item');
      if (item === null) rmSync(keychain, { force: true });
      else {
        const file = openSync(`${keychain}.new`, 'w');
        writeSync(file, item);
        fsyncSync(file);
        closeSync(file);
        renameSync(`${keychain}.new`, keychain);
      }
      say({ wrote: item });
      step('after writing the item');
    },
  },
  RNCKakaoUser: {
    async login(serviceTerms, prompts, useKakaoAccountLogin, scopes, nonce) {
      const [{ access_token: accessToken }, { id_token: idToken }] = await Promise.all([
        ask(`${kakao}/control/tokens`, { user: person }),
        ask(`${kakao}/control/id-tokens`, { user: person, nonce }),
      ]);
      return { accessToken, idToken };
    },
  },
  BlobModule: {
    getConstants: () => ({ BLOB_URI_SCHEME: 'content', BLOB_URI_HOST: 'app' }),
    addNetworkingHandler() {},
    createFromParts() {},
    release: (id) => blobs.delete(id),
  },
  FileReaderModule: { readAsText: async ({ blobId, offset, size }) => blobs.get(blobId).subarray(offset, offset + size).toString() },
  Networking: {
    addListener() {},
    removeListeners() {},
    abortRequest: (id) => requests.get(id)?.destroy(),
    sendRequest(method, url, id, headers, data, responseType) {
      const { host, pathname, search } = new URL(url);
      if (host !== 'api.example.com') throw new Error(`a request to ${url}`);
      const path = pathname + search;
      const emit = (event, ...values) => phone.emit(event, [id, ...values]);
      const fail = (cause) => emit('didCompleteNetworkResponse', `${cause}`, false);
      // The steps are those of the session. Whatever else the app asks changes nothing of it.
      const isStep = !path.startsWith('/auth/profile');
      if (isStep) step(`before sending ${path}`);
      const request = http.request(api + path, { method, headers: { ...Object.fromEntries(headers), 'user-agent': 'okhttp/4.12.0' } });
      requests.set(id, request);
      request.on('error', fail).on('response', async (response) => {
        const chunks = [];
        for await (const chunk of response) chunks.push(chunk);
        const bytes = Buffer.concat(chunks);
        say({ path, sent: data.string, status: response.statusCode, text: bytes.toString() });
        if (isStep) step(`before the response to ${path} arrives`);
        if (lost === path) return (lost = undefined), fail('The network is gone.');
        const flat = Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, `${value}`]));
        emit('didReceiveNetworkResponse', response.statusCode, flat, url);
        if (responseType === 'blob') blobs.set(`${id}`, bytes);
        emit('didReceiveNetworkData', responseType === 'blob' ? { blobId: `${id}`, offset: 0, size: bytes.length } : bytes.toString());
        emit('didCompleteNetworkResponse', null, false);
      });
      request.end(data.string);
    },
  },
};

async function ask(url, body) {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return response.status === 204 ? null : response.json();
}

const requests = new Map();
const blobs = new Map();
/** What the bundle hands out: the app's functions, and React Native's way to emit an event. */
const phone = {};

/** What Hermes has beyond ECMAScript, and what React Native's native half installs before the bundle. */
const globals = {
  HermesInternal: { hasPromise: () => true },
  RN$Bridgeless: true,
  RN$registerCallableModule: (name, module) => (phone[name] = module),
  RN$phone: (app) => Object.assign(phone, app),
  __turboModuleProxy: (name) => natives[name] ?? null,
  nativeModuleProxy: new Proxy({}, { get: (_, name) => natives[name] }),
  nativePerformanceNow: () => performance.now(),
  nativeLoggingHook: (text, level) => say({ log: text, level }),
  setTimeout: (work, ms) => Number(setTimeout(work, ms)),
  clearTimeout: (id) => clearTimeout(id),
  setInterval: (work, ms) => Number(setInterval(work, ms)),
  clearInterval: (id) => clearInterval(id),
  requestAnimationFrame: (work) => Number(setTimeout(work, 16)),
  cancelAnimationFrame: (id) => clearTimeout(id),
  btoa: (text) => btoa(text),
  atob: (text) => atob(text),
};
/** What V8 has and Hermes does not. React Native brings its own console. */
const OTHERS = ['Atomics', 'FinalizationRegistry', 'SharedArrayBuffer', 'WebAssembly', 'console', 'escape', 'unescape'];

const context = vm.createContext(globals);
vm.runInContext(`globalThis.global = globalThis; for (const name of ${JSON.stringify(OTHERS)}) delete globalThis[name]`, context);
vm.runInContext(readFileSync(bundle, 'utf8'), context, { filename: 'app.bundle' });
phone.emit = (event, values) => phone.RCTDeviceEventEmitter().emit(event, values);

const profile = async () => say({ profile: (await phone.auth.fetch('/auth/profile')).status });
const pass = (seconds) => ask(clock, { seconds });

/** A login, refreshes of which one loses its response, an hour of silence, a logout. */
async function day() {
  await phone.start();
  await phone.logIn();
  say({ shown: true });
  await profile();
  for (const loss of [undefined, '/auth/refresh', undefined]) {
    await pass(60);
    lost = loss;
    await phone.auth.refresh().catch(() => phone.auth.refresh());
  }
  await pass(3600);
  await profile();
  say({ leaving: true });
  await phone.auth.logout();
}

/** The phone is switched on again: does the user have to log in? Refreshes more than once, as a fork shows at the second one. */
async function again() {
  const { status, error } = await phone.start();
  say({ found: status === 'authenticated', error: error?.message });
  if (status !== 'authenticated') await phone.logIn();
  for (let n = 0; n < 3; n++) {
    await profile();
    await pass(60);
    await phone.auth.refresh();
  }
}

await { day, again }[script]();
process.exit(0);
