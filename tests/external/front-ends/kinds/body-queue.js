// `fetch` with the flag `isRefreshing` and a queue, both tokens in localStorage, and the tokens of each refresh stored anew.

export function create({ api }) {
  let isRefreshing = false;
  let waiting = [];
  const json = (path, body, access) =>
    fetch(api + path, {
      method: body ? 'POST' : 'GET',
      headers: { 'Content-Type': 'application/json', ...(access && { Authorization: `Bearer ${access}` }) },
      body: body && JSON.stringify(body),
    });
  async function refreshed() {
    if (isRefreshing) return new Promise((resolve) => waiting.push(resolve));
    isRefreshing = true;
    const response = await json('/dj-rest-auth/token/refresh/', { refresh: localStorage.getItem('refreshToken') });
    const tokens = response.ok ? await response.json() : {};
    if (tokens.access) localStorage.setItem('accessToken', tokens.access);
    else localStorage.clear();
    if (tokens.refresh) localStorage.setItem('refreshToken', tokens.refresh);
    isRefreshing = false;
    for (const resolve of waiting.splice(0)) resolve(tokens.access);
    return tokens.access;
  }
  async function get(path) {
    const response = await json(path, undefined, localStorage.getItem('accessToken'));
    if (response.status !== 401) return response;
    const access = await refreshed();
    return access ? json(path, undefined, access) : response;
  }
  return {
    async logIn({ accessToken }) {
      const { access, refresh, user } = await (await json('/dj-rest-auth/kakao/', { access_token: accessToken })).json();
      localStorage.setItem('accessToken', access);
      localStorage.setItem('refreshToken', refresh);
      return user.username;
    },
    call: async () => (await get('/dj-rest-auth/user/')).status,
    async who() {
      const response = await get('/dj-rest-auth/user/');
      return response.ok ? (await response.json()).username : null;
    },
    refreshToken: () => localStorage.getItem('refreshToken'),
    async logOut() {
      await json('/dj-rest-auth/logout/', { refresh: localStorage.getItem('refreshToken') });
      localStorage.clear();
    },
  };
}
