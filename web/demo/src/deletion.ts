/** The deletion of the account: it may need a login at Kakao in between, and continues when that has come back. */

import { AuthError, type AuthClient, type DeletionReceipt } from 'kakao-login-web';

/** In `sessionStorage` while the user is at Kakao: whose account is to be deleted, and since when. */
const KEY = 'demo.deleting';
const TEN_MINUTES = 600_000;

export type Deletion =
  | { step: 'idle' | 'deleting' | 'leaving' | 'failed' | 'other-user' }
  | { step: 'done'; receipt: DeletionReceipt };

export function createDeletion(client: AuthClient) {
  const listeners = new Set<() => void>();
  let deletion: Deletion = { step: 'idle' };

  function set(next: Deletion) {
    deletion = next;
    listeners.forEach((listener) => listener());
  }

  async function run(mayLeave: boolean): Promise<void> {
    if (deletion.step === 'deleting' || deletion.step === 'leaving') return;
    const user = client.getState().user;
    set({ step: 'deleting' });
    try {
      set({ step: 'done', receipt: await client.deleteAccount() });
    } catch (error) {
      // A login whose time Kakao does not tell would be followed by another one, and so on.
      if (!(error instanceof AuthError) || error.code !== 'login_required' || !mayLeave) return set({ step: 'failed' });
      set({ step: 'leaving' });
      sessionStorage.setItem(KEY, JSON.stringify({ pk: user?.pk, at: Date.now() }));
      await client.login({ returnTo: '/', prompt: 'login' }).catch(() => set({ step: 'failed' }));
    }
  }

  function forget() {
    if (deletion.step !== 'deleting') set({ step: 'idle' });
  }

  return {
    get: () => deletion,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: () => run(true),
    /** Call this when the page has started: deletes the account if the user has logged in for it, just now. */
    async resume(hasLoggedIn: boolean) {
      const kept = sessionStorage.getItem(KEY);
      sessionStorage.removeItem(KEY);
      const user = client.getState().user;
      if (!kept || !hasLoggedIn || !user) return;
      const { pk, at } = JSON.parse(kept) as { pk: unknown; at: number };
      if (Date.now() - at > TEN_MINUTES) return;
      if (pk === user.pk) await run(false);
      else set({ step: 'other-user' });
    },
    /** After Back from Kakao’s page, or for a login that is not for the deletion. */
    cancel() {
      sessionStorage.removeItem(KEY);
      forget();
    },
    /** The receipt has been seen: somebody logs in. */
    forget,
  };
}
