'use client';
/** The client in React: a context, hooks that render again when the state or the user changes, and what is shown to whom. */

import { createContext, createElement, type ReactNode, useContext, useEffect, useMemo, useSyncExternalStore } from 'react';
import type { AuthClient, AuthState, User } from './types.js';

const Context = createContext<readonly [AuthClient, User | null | undefined] | null>(null);

export interface AuthProviderProps {
  /** Make it once, outside of components. */
  client: AuthClient;
  /** The user as the server knows it, from `getServerUser`. Shown until the client knows better. */
  user?: User | null | undefined;
  /** Goes to the page where the login started, with the app's router. Called after the exchange. */
  onReturn?: ((path: string) => void) | undefined;
  children?: ReactNode;
}

export function AuthProvider({ client, user, onReturn, children }: AuthProviderProps) {
  // Before `start()`, which may call it.
  useEffect(() => onReturn && client.onReturn(onReturn), [client, onReturn]);
  useEffect(() => void client.start(), [client]);
  const value = useMemo(() => [client, user] as const, [client, user]);
  return createElement(Context.Provider, { value }, children);
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
  const context = useContext(Context);
  if (!context) throw new Error('useAuth() without an <AuthProvider>');
  const [client, user] = context;
  const state = useSyncExternalStore(client.subscribe, client.getState, client.getServerState);
  return useMemo(() => {
    const shown = state.status === 'unknown' && user ? { status: 'authenticated' as const, user } : {};
    return { ...client, ...state, ...shown } as UseAuth;
  }, [client, state, user]);
}

export function useUser(): User | null {
  return useAuth().user;
}

/** Its children while a user is logged in. A function gets the user. */
export function SignedIn({ children }: { children?: ReactNode | ((user: User) => ReactNode) }) {
  const user = useUser();
  return user && (typeof children === 'function' ? children(user) : children);
}

/** Its children once it is known that nobody is logged in. */
export function SignedOut({ children }: { children?: ReactNode }) {
  return useAuth().status === 'anonymous' && children;
}
