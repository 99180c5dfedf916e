// Before the router, which reads the address: the client takes Kakao's response out of it.
import { auth } from './auth.js';

import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { createBrowserRouter, Link, Outlet, RouterProvider, useSearchParams } from 'react-router';
import { KakaoButton } from 'kakao-login-web/button';
import { AuthProvider, SignedIn, SignedOut, useAuth } from 'kakao-login-web/react';

function Layout() {
  const { status, user, error, logout } = useAuth();
  return (
    <>
      <nav>
        <Link id="home" to="/">Home</Link> <Link id="cart" to="/cart?step=2">Cart</Link>
      </nav>
      <p id="who">{user ? `Hello ${user.nickname}` : status}</p>
      <p id="error">{error?.code}</p>
      <SignedOut>
        <KakaoButton id="login" />
      </SignedOut>
      <SignedIn>
        <button id="logout" onClick={() => void logout()}>Log out</button>
      </SignedIn>
      <Outlet />
    </>
  );
}

function Profile() {
  const { fetch } = useAuth();
  const [nickname, setNickname] = useState('');
  useEffect(() => {
    const load = async () => setNickname(((await (await fetch('/auth/profile')).json()) as { nickname: string }).nickname);
    void load();
  }, [fetch]);
  return <p id="profile">{nickname}</p>;
}

function Cart() {
  const [query] = useSearchParams();
  return (
    <>
      <h1 id="page">cart step {query.get('step')}</h1>
      <SignedIn>
        <Profile />
      </SignedIn>
    </>
  );
}

const router = createBrowserRouter([
  {
    element: <Layout />,
    children: [
      { path: '/', element: <h1 id="page">home</h1> },
      { path: '/cart', element: <Cart /> },
      { path: '*', element: <h1 id="page">not found</h1> },
    ],
  },
]);

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <AuthProvider client={auth}>
      <RouterProvider router={router} />
    </AuthProvider>
  </StrictMode>,
);
