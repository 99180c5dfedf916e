/** The client of a page: the core, Kakao's login page, the account's calls, and dj-rest-auth's paths. */

import { DJANGO, OWN } from './api.js';
import { createCore } from './core.js';
import { takeRedirect } from './redirect.js';
import { AuthError, type AuthClient, type AuthClientOptions } from './types.js';

/** A part that is loaded later, and again after a failure. */
function lazily<Part>(load: () => Promise<Part>): () => Promise<Part> {
  let part: Promise<Part> | undefined;
  return () =>
    (part ??= load().catch((cause: unknown) => {
      part = undefined;
      throw new AuthError('unavailable', 0, cause);
    }));
}

export function createAuthClient(options: AuthClientOptions): AuthClient {
  const { kakao, onReturn } = options;
  const returns = new Set<(path: string) => void>();
  /** Where the user goes after the redirect, from when that is known until a listener has been told. */
  let returnTo: string | undefined;
  const tell = () => {
    if (returnTo === undefined || !returns.size) return;
    const path = returnTo;
    returnTo = undefined;
    returns.forEach((listener) => listener(path));
  };
  if (typeof onReturn === 'function') returns.add(onReturn);

  const [core, store, warmUp, ...internals] = createCore(options, options.paths === 'dj-rest-auth' ? DJANGO : OWN, {
    take: (at) => (kakao ? takeRedirect(kakao, at, !!onReturn) : {}),
    again: (path) => login({ returnTo: path, prompt: '' }),
    done(path) {
      returnTo = path;
      tell();
    },
  });

  const leave = lazily(async () => (await import('./leave.js')).createLeave(kakao!, store, warmUp));
  const account = lazily(async () => (await import('./account.js')).createAccount(...internals));
  const call =
    <Name extends keyof Awaited<ReturnType<typeof account>>>(name: Name) =>
    async (...request: unknown[]) =>
      ((await account())[name] as (...request: unknown[]) => unknown)(...request);

  async function login({ returnTo = location.href, ...more }: Parameters<AuthClient['login']>[0] = {}) {
    if (!kakao) throw new Error('login() needs `kakao`');
    return (await leave()).login({ returnTo, ...more });
  }

  // Before a click needs it.
  core.subscribe(() => {
    if (kakao && core.getState().status === 'anonymous') leave().then(({ ready }) => ready(), () => {});
  });

  return {
    ...core,
    login,
    async logout({ kakao: isAtKakao, returnTo = location.href, ...more } = {}) {
      const done = core.logout(more);
      return isAtKakao && kakao ? (await leave()).logout(done, returnTo) : done;
    },
    onReturn(listener) {
      returns.add(listener);
      tell();
      return () => void returns.delete(listener);
    },
    sessions: call('sessions') as AuthClient['sessions'],
    endSession: call('endSession') as AuthClient['endSession'],
    account: call('account') as AuthClient['account'],
    deleteAccount: call('deleteAccount') as AuthClient['deleteAccount'],
    updateProfile: call('updateProfile') as AuthClient['updateProfile'],
  };
}
