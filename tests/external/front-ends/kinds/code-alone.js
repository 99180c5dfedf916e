// A callback page that sends `{code}` and nothing else, twice under React's StrictMode, and goes on with the answer that succeeds. The
// session is in the cookie.

export function create({ api }) {
  const request = (path, options) => fetch(api + path, { credentials: 'include', ...options });
  const post = (path, body) =>
    request(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
  let access;
  const get = () => request('/dj-rest-auth/user/', { headers: { Authorization: `Bearer ${access}` } });
  async function current() {
    const response = access ? await get() : undefined;
    if (response && response.status !== 401) return response;
    const renewed = await post('/dj-rest-auth/token/refresh/');
    if (!renewed.ok) return renewed;
    ({ access } = await renewed.json());
    return get();
  }
  return {
    async logIn({ code }) {
      const responses = await Promise.all([post('/dj-rest-auth/kakao/', { code }), post('/dj-rest-auth/kakao/', { code })]);
      const good = responses.find(({ ok }) => ok);
      if (!good) throw new Error(responses.map(({ status }) => status).join());
      const body = await good.json();
      ({ access } = body);
      return body.user.username;
    },
    call: async () => (await current()).status,
    async who() {
      const response = await current();
      return response.ok ? (await response.json()).username : null;
    },
    refreshToken: () => null,
    async logOut() {
      await post('/dj-rest-auth/logout/');
      access = undefined;
    },
  };
}
