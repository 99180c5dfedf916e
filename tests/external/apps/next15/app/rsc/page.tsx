import { getServerUser } from 'kakao-login-web/server';
import { headers } from 'next/headers';
import { Providers } from '../../parts/providers';
import { Status } from '../../parts/status';

export default async function Rendered() {
  const user = await getServerUser(await headers(), { baseUrl: process.env.NEXT_PUBLIC_API! });
  return (
    <Providers user={user}>
      <h1 id="page">rendered for {user?.nickname ?? 'somebody'}</h1>
      <Status />
    </Providers>
  );
}
