/** The client of a page: the core, Kakao's login page, the account's calls, and dj-rest-auth's paths. */

import { DJANGO, OWN } from './api.js';
import { createCore } from './core.js';
import { lazily } from './lazily.js';
import { takeRedirect } from './redirect.js';
import type { AuthClient, AuthClientOptions } from './types.js';

const ACCOUNT = ['sessions', 'endSession', 'account', 'deleteAccount', 'updateProfile'] as const;
type Account = Pick<AuthClient, (typeof ACCOUNT)[number]>;

export function createAuthClient(options: AuthClientOptions): AuthClient {
  const { kakao, paths, onReturn: router } = options;
  /** Gets the path where the login started, when it has succeeded or failed. One listener takes it out. */
  let arrive: (path: string[]) => void;
  const arrived = new Promise<string[]>((resolve) => (arrive = resolve));

  const [core, store, http, loginUrl, ...internals] = createCore(
    options,
    paths === 'dj-rest-auth' ? DJANGO : OWN,
    (at) => kakao && takeRedirect(kakao, at, router),
    (returnTo) => login({ returnTo, prompt: '' }),
    (returnTo) => arrive([returnTo]),
  );

  const leave = lazily(async () => (await import('./leave.js')).createLeave(kakao, store, http, loginUrl, core.start));
  const account = lazily(async () => (await import('./account.js')).createAccount(...internals));
  const calls = ACCOUNT.map((name) => [name, async (...content: [never]) => (await account())[name](...content)]);

  const login: AuthClient['login'] = async (how) => (await leave()).login({ returnTo: globalThis.location?.href, ...how });

  function onReturn(listener: (path: string) => void) {
    let isRemoved = false;
    void arrived.then((path) => !isRemoved && path[0] && listener(path.pop()!));
    return () => void (isRemoved = true);
  }

  if (typeof router === 'function') onReturn(router);
  // Before a click needs it.
  core.subscribe(() => core.getState().status === 'anonymous' && leave().then(({ ready }) => ready(core.getState())).catch(() => {}));

  return {
    ...core,
    ...(Object.fromEntries(calls) as Account),
    login,
    onReturn,
    async logout(how = {}) {
      const done = core.logout(how);
      if (kakao?.autoLogin) store.set('.auto', 'off');
      return how.kakao ? (await leave()).logout(done, how.returnTo) : done;
    },
  };
}
