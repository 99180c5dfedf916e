'use client';

import { createAuthClient } from 'kakao-login-web';
import { AuthProvider } from 'kakao-login-web/react';
import type { User } from 'kakao-login-web';
import { useRouter } from 'next/navigation';
import type { ReactNode } from 'react';

const auth = createAuthClient({
  baseUrl: process.env.NEXT_PUBLIC_API!,
  kakao: {
    clientId: process.env.NEXT_PUBLIC_CLIENT_ID!,
    redirectUri: '/callback',
    authorizeUrl: `${process.env.NEXT_PUBLIC_KAKAO}/oauth/authorize`,
  },
  // The router goes to the page, in AuthProvider's `onReturn`.
  onReturn: true,
});

export function Providers({ user, children }: { user?: User | null; children: ReactNode }) {
  const router = useRouter();
  return (
    <AuthProvider client={auth} user={user} onReturn={(path) => router.replace(path)}>
      {children}
    </AuthProvider>
  );
}
