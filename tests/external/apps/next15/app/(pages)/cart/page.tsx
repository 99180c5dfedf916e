import { SignedIn } from 'kakao-login-web/react';
import { Profile } from '../../../parts/profile';

export default async function Cart({ searchParams }: { searchParams: Promise<{ step?: string }> }) {
  const { step } = await searchParams;
  return (
    <>
      <h1 id="page">{`cart step ${step}`}</h1>
      <SignedIn>
        <Profile />
      </SignedIn>
    </>
  );
}
