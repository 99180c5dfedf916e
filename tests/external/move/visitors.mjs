// Visitors of the page: in Chromium, or with a jar that keeps cookies as a browser does.

import { frontEnd } from './page/front-end.mjs';

const isGone = (attributes) => attributes.some((one) => /^ *max-age=0$/i.test(one) || (/^ *expires=/i.test(one) && new Date(one.split('=')[1]) < new Date()));

/** Cookies of one host, all of them for every path. */
export class Jar {
  cookies = new Map();

  get header() {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  take(response) {
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(';');
      const [, name, value] = /^([^=]*)=(.*)$/.exec(pair);
      if (isGone(attributes)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }
}

class Storage {
  values = new Map();
  getItem = (name) => this.values.get(name) ?? null;
  setItem = (name, value) => void this.values.set(name, value);
  removeItem = (name) => void this.values.delete(name);
}

/** What a visitor's browser sends with a request: nothing if it is a program, and cookies if the page is of the API's own origin. */
const SENT = {
  cookie: (site) => ({ origin: site.origin, 'sec-fetch-site': 'same-origin' }),
  stores: (site) => ({ origin: site.other, 'sec-fetch-site': 'same-site' }),
  keeps: (site) => ({ origin: site.other, 'sec-fetch-site': 'same-site' }),
  program: () => ({}),
};

/** A visitor without a browser. `site` has the origin of the page and the API, and that of pages that send no cookies. */
export function visitor(kind, site) {
  const jar = new Jar();
  const storage = new Storage();
  async function request(path, { headers, ...options } = {}) {
    const cookie = kind === 'cookie' && jar.header ? { cookie: jar.header } : {};
    const response = await fetch((visitor.at ?? site.origin) + path, { ...options, headers: { ...headers, ...SENT[kind](site), ...cookie } });
    if (kind === 'cookie') jar.take(response);
    return response;
  }
  const visitor = {
    kind,
    /** Another address of the API than the site's. */
    at: undefined,
    ...frontEnd({ request, storage, kind }),
    refreshToken: async () => (kind === 'cookie' ? (jar.cookies.get('refresh_token') ?? null) : storage.getItem('refresh')),
    async reload() {},
  };
  return visitor;
}

/** A visitor in a browser context of their own. */
export async function visitorInBrowser(kind, site, browsers) {
  const profile = await browsers.profile();
  const tab = await profile.newPage();
  const address = `${site.origin}/?kind=${kind}`;
  const isReady = () => tab.waitForFunction(() => window.frontEnd);
  await tab.goto(address);
  await isReady();
  const does = (name) => (...given) => tab.evaluate(([name, given]) => window.frontEnd[name](...given), [name, given]);
  return {
    kind,
    ...Object.fromEntries(['logIn', 'refresh', 'get', 'post', 'leave', 'logOut'].map((name) => [name, does(name)])),
    async refreshToken() {
      if (kind !== 'cookie') return tab.evaluate(() => localStorage.getItem('refresh'));
      return (await profile.cookies(site.origin)).find(({ name }) => name === 'refresh_token')?.value ?? null;
    },
    async reload() {
      await tab.reload();
      await isReady();
    },
  };
}
