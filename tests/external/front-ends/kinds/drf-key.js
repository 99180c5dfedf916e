// DRF's authtoken: one `key` for ever, sent as `Authorization: Token …`. Here an access token lasts minutes, so the front end has to
// refresh, which with the cookie takes one request.

export function create({ api, isChanged }) {
  const post = (path, body) =>
    fetch(api + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      credentials: isChanged ? 'include' : 'omit',
      body: body && JSON.stringify(body),
    });
  async function get() {
    const key = sessionStorage.getItem('key');
    const response = await fetch(`${api}/dj-rest-auth/user/`, { headers: { Authorization: `${isChanged ? 'Bearer' : 'Token'} ${key}` } });
    if (response.status !== 401 || !isChanged) return response;
    const renewed = await post('/dj-rest-auth/token/refresh/');
    if (!renewed.ok) return renewed;
    const { access } = await renewed.json();
    sessionStorage.setItem('key', access);
    return fetch(`${api}/dj-rest-auth/user/`, { headers: { Authorization: `Bearer ${access}` } });
  }
  return {
    async logIn({ accessToken }) {
      const body = await (await post('/dj-rest-auth/kakao/', { access_token: accessToken })).json();
      const key = isChanged ? body.access : body.key;
      if (!key) throw new Error('no key');
      sessionStorage.setItem('key', key);
      return body.user.username;
    },
    call: async () => (await get()).status,
    async who() {
      const response = await get();
      return response.ok ? (await response.json()).username : null;
    },
    refreshToken: () => null,
    async logOut() {
      await post('/dj-rest-auth/logout/');
      sessionStorage.clear();
    },
  };
}
