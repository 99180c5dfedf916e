'use client';

import { useAuth } from 'kakao-login-web/react';

export function Status() {
  const { status, user, error } = useAuth();
  return (
    <>
      <p id="who">{user ? `Hello ${user.nickname}` : status}</p>
      <p id="error">{error?.code}</p>
    </>
  );
}

export function Logout() {
  const { logout } = useAuth();
  return (
    <button id="logout" onClick={() => void logout()}>
      Log out
    </button>
  );
}
