// Decodes the refresh token as a JWT to know when to refresh, and refreshes before a call. Here the token is opaque, so the front end
// reads `refresh_expiration` and `access_expiration` instead.

const decoded = (token) => JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));

export function create({ api, isChanged }) {
  const post = async (path, body) => {
    const response = await fetch(api + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${response.status}`);
    return response.json();
  };
  const stored = () => JSON.parse(localStorage.getItem('auth') ?? 'null');
  function store({ access, refresh, refresh_expiration }) {
    const until = isChanged ? Date.parse(refresh_expiration) / 1000 : decoded(refresh).exp;
    localStorage.setItem('auth', JSON.stringify({ access, refresh, until }));
  }
  async function access() {
    const auth = stored();
    if (!auth || auth.until < Date.now() / 1000) return null;
    const renewed = await post('/dj-rest-auth/token/refresh/', { refresh: auth.refresh }).catch(() => null);
    if (!renewed) localStorage.clear();
    else store({ refresh: auth.refresh, refresh_expiration: new Date(auth.until * 1000), ...renewed });
    return renewed?.access;
  }
  const get = async () => fetch(`${api}/dj-rest-auth/user/`, { headers: { Authorization: `Bearer ${await access()}` } });
  return {
    async logIn({ accessToken }) {
      const login = await post('/dj-rest-auth/kakao/', { access_token: accessToken });
      store(login);
      return login.user.username;
    },
    call: async () => (await get()).status,
    async who() {
      const response = await get();
      return response.ok ? (await response.json()).username : null;
    },
    refreshToken: () => stored()?.refresh ?? null,
    async logOut() {
      await post('/dj-rest-auth/logout/', { refresh: stored()?.refresh });
      localStorage.clear();
    },
  };
}
