'use client';

import { useAuth } from 'kakao-login-web/react';
import { useEffect, useState } from 'react';

export function Profile() {
  const { fetch } = useAuth();
  const [nickname, setNickname] = useState('');
  useEffect(() => {
    const load = async () => setNickname(((await (await fetch('/auth/profile')).json()) as { nickname: string }).nickname);
    void load();
  }, [fetch]);
  return <p id="profile">{nickname}</p>;
}
