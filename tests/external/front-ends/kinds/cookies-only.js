// Code Institute's walkthrough and its copies: both tokens in cookies, no `Authorization` header, a refresh before a call while the refresh
// token's time has not run out. The time is decoded from `refresh_token`, which here is no JWT.

import axios from 'axios';

const decoded = (token) => JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));

export function create({ api, isChanged }) {
  const client = axios.create({ baseURL: api, withCredentials: true });
  client.interceptors.request.use(async (config) => {
    if (!localStorage.getItem('refreshTokenTimestamp')) return config;
    await axios.post(`${api}/dj-rest-auth/token/refresh/`, undefined, { withCredentials: true }).catch(() => {
      localStorage.removeItem('refreshTokenTimestamp');
    });
    return config;
  });
  return {
    async logIn({ accessToken }) {
      const { data } = await client.post('/dj-rest-auth/kakao/', { access_token: accessToken });
      const until = isChanged ? Date.now() / 1000 + 7 * 86_400 : decoded(data.refresh_token).exp;
      localStorage.setItem('refreshTokenTimestamp', until);
      return data.user.username;
    },
    call: () => client.get('/dj-rest-auth/user/').then(({ status }) => status, ({ response }) => response.status),
    who: () => client.get('/dj-rest-auth/user/').then(({ data }) => data.username, () => null),
    refreshToken: () => null,
    async logOut() {
      await client.post('/dj-rest-auth/logout/');
      localStorage.removeItem('refreshTokenTimestamp');
    },
  };
}
