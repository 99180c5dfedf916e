/** What the tests look at: who is logged in, in words and with two buttons. The client is on `window` for them. */

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { type AuthClient, type AuthEvent, createAuthClient, type KakaoOptions } from '../../src/index.js';
import { AuthProvider, useAuth } from '../../src/react.js';

declare const API: string;
declare const KAKAO: string;
declare global {
  interface Window {
    auth: AuthClient;
    /** What the client said, and every name that the page has shown. */
    events: AuthEvent[];
    shown: string[];
    /** More options, set before the page is loaded. */
    kakao?: Partial<KakaoOptions>;
  }
}

const auth = createAuthClient({
  baseUrl: API,
  kakao: {
    clientId: '5f0ab1c2d3e4f5061728394a5b6c7d8e',
    redirectUri: `${location.origin}/callback`,
    authorizeUrl: `${KAKAO}/oauth/authorize`,
    ...window.kakao,
  },
  paths: location.search === '?dj-rest-auth' ? 'dj-rest-auth' : 'own',
  timeoutMs: 2_000,
});
window.auth = auth;
window.events = [];
window.shown = [];
auth.on((event) => window.events.push(event));

function Page() {
  const { status, user, error, login, logout } = useAuth();
  const text = status === 'authenticated' ? `Hello ${user.nickname}` : status;
  if (window.shown[window.shown.length - 1] !== text) window.shown.push(text);
  return (
    <main>
      <p id="who">{text}</p>
      <p id="error">{error?.code}</p>
      <button onClick={() => void login()}>Log in with Kakao</button>
      <button onClick={() => void logout()}>Log out</button>
      <button onClick={() => void logout({ scope: 'all' })}>Log out everywhere</button>
    </main>
  );
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <AuthProvider client={auth}>
      <Page />
    </AuthProvider>
  </StrictMode>,
);
