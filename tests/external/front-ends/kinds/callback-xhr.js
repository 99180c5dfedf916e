// Sends Kakao's code to the back end's callback by `fetch`, in the query, and expects tokens as JSON. Here the callback is for browsers
// that began at the API, so the front end posts the code instead.

export function create({ api, isChanged }) {
  const post = (path, body) =>
    fetch(api + path, {
      method: 'POST',
      credentials: 'include',
      headers: { 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
  let access;
  const get = () => fetch(`${api}/dj-rest-auth/user/`, { headers: { Authorization: `Bearer ${access}` } });
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
      const response = isChanged
        ? await post('/dj-rest-auth/kakao/', { code })
        : await fetch(`${api}/accounts/kakao/login/callback/?code=${code}`, { credentials: 'include' });
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
