// Login by dj-rest-auth, and everything after it by simplejwt's own paths: /api/token/verify/ at the start, /api/token/refresh/ after it.

export function create({ api }) {
  const post = (path, body) =>
    fetch(api + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  const get = () => fetch(`${api}/api/profile/`, { headers: { Authorization: `Bearer ${localStorage.getItem('access')}` } });
  async function current() {
    const token = localStorage.getItem('access');
    if (token && (await post('/api/token/verify/', { token })).ok) return get();
    const response = await post('/api/token/refresh/', { refresh: localStorage.getItem('refresh') });
    if (!response.ok) return response;
    localStorage.setItem('access', (await response.json()).access);
    return get();
  }
  return {
    async logIn({ accessToken }) {
      const { access, refresh, user } = await (await post('/dj-rest-auth/kakao/', { access_token: accessToken })).json();
      localStorage.setItem('access', access);
      localStorage.setItem('refresh', refresh);
      return user.username;
    },
    call: async () => (await current()).status,
    async who() {
      const response = await current();
      return response.ok ? (await response.json()).username : null;
    },
    refreshToken: () => localStorage.getItem('refresh'),
    async logOut() {
      await post('/dj-rest-auth/logout/', { refresh: localStorage.getItem('refresh') });
      localStorage.clear();
    },
  };
}
