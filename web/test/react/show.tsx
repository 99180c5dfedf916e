/** Renders a page of an app in StrictMode. */

import { act, type ReactNode, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { beforeEach, vi } from 'vitest';
import { AuthProvider, type AuthProviderProps } from '../../src/react.js';

beforeEach(() => vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true));

export const inProvider = (props: AuthProviderProps, children: ReactNode) => (
  <StrictMode>
    <AuthProvider {...props}>{children}</AuthProvider>
  </StrictMode>
);

/** The element, and a function that renders with other properties. */
export async function show(props: AuthProviderProps, children: ReactNode) {
  const element = document.createElement('div');
  // React finds events at the document's root.
  document.body.replaceChildren(element);
  const root = createRoot(element);
  const render = (next: AuthProviderProps) => act(async () => root.render(inProvider(next, children)));
  await render(props);
  return Object.assign(element, { render });
}
