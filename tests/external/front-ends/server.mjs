// A server that logs its visitors in, as NextAuth's does: Node's `fetch`, forms, both tokens in its own session.

export function create({ api, isChanged }) {
  let tokens = {};
  const post = (path, body) => fetch(api + path, { method: 'POST', body: new URLSearchParams(body) });
  const get = () => fetch(`${api}/dj-rest-auth/user/`, { headers: { Authorization: `Bearer ${tokens.access}` } });
  async function current() {
    const response = await get();
    if (response.status !== 401) return response;
    const renewed = await post('/dj-rest-auth/token/refresh/', { refresh: tokens.refresh ?? '' });
    if (!renewed.ok) return renewed;
    tokens = { ...tokens, ...(await renewed.json()) };
    return get();
  }
  return {
    async logIn({ accessToken }) {
      const response = await post('/dj-rest-auth/kakao/', { access_token: accessToken, ...(isChanged && { transport: 'body' }) });
      const { access, refresh, user } = await response.json();
      tokens = { access, refresh };
      return user.username;
    },
    call: async () => (await current()).status,
    async who() {
      const response = await current();
      return response.ok ? (await response.json()).username : null;
    },
    refreshToken: () => tokens.refresh || null,
    async logOut() {
      await post('/dj-rest-auth/logout/', { refresh: tokens.refresh ?? '' });
      tokens = {};
    },
  };
}
