/** The client in React: a context, and a hook that renders again when the state or the user changes. */

import { createContext, createElement, type ReactNode, useContext, useEffect, useMemo, useSyncExternalStore } from 'react';
import type { AuthClient, AuthState } from './types.js';

const Context = createContext<AuthClient | null>(null);

/** Make `client` once, outside of components. */
export function AuthProvider({ client, children }: { client: AuthClient; children?: ReactNode }) {
  useEffect(() => void client.start(), [client]);
  return createElement(Context.Provider, { value: client }, children);
}

/** The state, and the client's calls. */
export type UseAuth = AuthState &
  Pick<
    AuthClient,
    | 'login'
    | 'logout'
    | 'exchange'
    | 'getToken'
    | 'fetch'
    | 'sessions'
    | 'endSession'
    | 'account'
    | 'deleteAccount'
    | 'updateProfile'
  >;

export function useAuth(): UseAuth {
  const client = useContext(Context);
  if (!client) throw new Error('useAuth() without an <AuthProvider>');
  const state = useSyncExternalStore(client.subscribe, client.getState, client.getServerState);
  return useMemo(() => ({ ...client, ...state }), [client, state]);
}
