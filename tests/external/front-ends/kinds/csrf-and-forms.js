// Django's habits: `X-CSRFToken` on every request, and bodies of `URLSearchParams`. A form of a page is refused, so the front end sends
// JSON; the header may stay.

export function create({ api, isChanged }) {
  let access;
  const post = (path, body = {}) =>
    fetch(api + path, {
      method: 'POST',
      credentials: 'include',
      headers: { 'X-CSRFToken': 'none', ...(isChanged && { 'Content-Type': 'application/json' }) },
      body: isChanged ? JSON.stringify(body) : new URLSearchParams(body),
    });
  const get = () =>
    fetch(`${api}/dj-rest-auth/user/`, { credentials: 'include', headers: { 'X-CSRFToken': 'none', Authorization: `Bearer ${access}` } });
  async function current() {
    const response = access ? await get() : undefined;
    if (response && response.status !== 401) return response;
    const renewed = await post('/dj-rest-auth/token/refresh/');
    if (!renewed.ok) return renewed;
    ({ access } = await renewed.json());
    return get();
  }
  return {
    async logIn({ accessToken }) {
      const response = await post('/dj-rest-auth/kakao/', { access_token: accessToken });
      if (!response.ok) throw new Error(`${response.status}`);
      const body = await response.json();
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
