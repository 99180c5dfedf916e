// Kakao's older SDK for browsers hands the page an access token of Kakao's, which is sent with `fetch`. A timer refreshes by the cookie.

export function create({ api }) {
  let access;
  const post = (path, body) =>
    fetch(api + path, {
      method: 'POST',
      credentials: 'include',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body ?? {}),
    });
  async function onTimer() {
    const response = await post('/dj-rest-auth/token/refresh/');
    access = response.ok ? (await response.json()).access : undefined;
  }
  const get = () => fetch(`${api}/dj-rest-auth/user/`, { headers: access ? { authorization: `Bearer ${access}` } : {} });
  async function current() {
    await onTimer();
    return get();
  }
  return {
    async logIn({ accessToken }) {
      const body = await (await post('/dj-rest-auth/kakao/', { access_token: accessToken, code: '' })).json();
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
