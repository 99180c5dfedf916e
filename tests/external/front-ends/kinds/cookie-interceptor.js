// An axios interceptor with `withCredentials`: the refresh token is in the cookie, the access token in memory.

import axios from 'axios';

export function create({ api }) {
  const client = axios.create({ baseURL: api, withCredentials: true });
  let access;
  let refreshing;
  client.interceptors.request.use((config) => {
    if (access) config.headers.Authorization = `Bearer ${access}`;
    return config;
  });
  client.interceptors.response.use(undefined, async (error) => {
    if (error.response?.status !== 401 || error.config.again || error.config.url.includes('refresh')) throw error;
    refreshing ??= client.post('/dj-rest-auth/token/refresh/').finally(() => (refreshing = undefined));
    ({
      data: { access },
    } = await refreshing);
    return client.request({ ...error.config, again: true });
  });
  return {
    async logIn({ accessToken }) {
      const { data } = await client.post('/dj-rest-auth/kakao/', { access_token: accessToken });
      ({ access } = data);
      return data.user.username;
    },
    call: () => client.get('/dj-rest-auth/user/').then(({ status }) => status, ({ response }) => response.status),
    who: () => client.get('/dj-rest-auth/user/').then(({ data }) => data.username, () => null),
    refreshToken: () => null,
    async logOut() {
      await client.post('/dj-rest-auth/logout/');
      access = undefined;
    },
  };
}
