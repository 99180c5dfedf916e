import { KakaoButton } from 'kakao-login-web/button';
import { SignedIn, SignedOut } from 'kakao-login-web/react';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { Providers } from '../../parts/providers';
import { Logout, Status } from '../../parts/status';

/** A server component: the library's components are client components by themselves. */
export default function Layout({ children }: { children: ReactNode }) {
  return (
    <Providers>
      <nav>
        <Link id="home" href="/">Home</Link> <Link id="cart" href="/cart?step=2">Cart</Link>
      </nav>
      <Status />
      <SignedOut>
        <KakaoButton id="login" />
      </SignedOut>
      <SignedIn>
        <Logout />
      </SignedIn>
      {children}
    </Providers>
  );
}
