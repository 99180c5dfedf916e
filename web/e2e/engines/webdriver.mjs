// Commands of W3C WebDriver: to WebKit by way of its driver, and to Firefox directly, as Debian does not have Firefox's driver.

import net from 'node:net';

/** A session of the driver that listens on this port. */
export async function overHttp(port, capabilities) {
  const request = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}/session${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  };
  const { sessionId } = await request('POST', '', { capabilities: { alwaysMatch: capabilities } });
  const post = (path) => (body = {}) => request('POST', `/${sessionId}${path}`, body);
  const driver = {
    navigate: post('/url'),
    refresh: post('/refresh'),
    back: post('/back'),
    forward: post('/forward'),
    url: () => request('GET', `/${sessionId}/url`),
    execute: post('/execute/sync'),
    click: (element) => post(`/element/${element}/click`)(),
    cookies: () => request('GET', `/${sessionId}/cookie`),
    addCookie: post('/cookie'),
    newWindow: post('/window/new'),
    switchTo: post('/window'),
    windows: () => request('GET', `/${sessionId}/window/handles`),
    closeWindow: () => request('DELETE', `/${sessionId}/window`),
    async quit() {
      for (const handle of await driver.windows()) {
        await driver.switchTo({ handle });
        await driver.closeWindow();
      }
    },
  };
  return driver;
}

/** A session of the Firefox whose Marionette listens on this port. A message is JSON after its length and a colon. */
export async function overMarionette(port, capabilities) {
  const socket = net.connect(port, '127.0.0.1');
  const waiting = new Map();
  let unread = Buffer.alloc(0);
  let last = 0;
  socket.on('data', (chunk) => {
    unread = Buffer.concat([unread, chunk]);
    for (;;) {
      const colon = unread.indexOf(':');
      const end = colon + 1 + Number(unread.subarray(0, colon));
      if (colon < 0 || unread.length < end) return;
      receive(JSON.parse(unread.subarray(colon + 1, end)));
      unread = unread.subarray(end);
    }
  });
  function receive(message) {
    // All but the greeting are `[1, id, error, result]`.
    if (!Array.isArray(message)) return;
    const [, id, error, result] = message;
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(`${error.error}: ${error.message}`));
    else resolve('value' in result ? result.value : result);
  }
  const lost = () => waiting.forEach(({ reject }) => reject(new Error('Firefox has ended')));
  socket.on('error', lost).on('close', lost);
  const command = (name) => (parameters = {}) =>
    new Promise((resolve, reject) => {
      const message = Buffer.from(JSON.stringify([0, ++last, name, parameters]));
      waiting.set(last, { resolve, reject });
      socket.write(Buffer.concat([Buffer.from(`${message.length}:`), message]));
    });
  await command('WebDriver:NewSession')(capabilities);
  const quit = command('Marionette:Quit');
  return {
    navigate: command('WebDriver:Navigate'),
    refresh: command('WebDriver:Refresh'),
    execute: command('WebDriver:ExecuteScript'),
    newWindow: command('WebDriver:NewWindow'),
    switchTo: command('WebDriver:SwitchToWindow'),
    windows: command('WebDriver:GetWindowHandles'),
    closeWindow: command('WebDriver:CloseWindow'),
    quit: () => quit({ flags: ['eAttemptQuit'] }),
  };
}
