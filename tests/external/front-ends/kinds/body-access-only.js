// An axios interceptor that keeps the refresh token of the login for ever, and reads only `access` from a refresh: right for simplejwt's
// default, ROTATE_REFRESH_TOKENS=False.

import axios from 'axios';

export function create({ api }) {
  const client = axios.create({ baseURL: api });
  client.interceptors.request.use((config) => {
    const access = localStorage.getItem('access');
    if (access) config.headers.Authorization = `Bearer ${access}`;
    return config;
  });
  client.interceptors.response.use(undefined, async (error) => {
    if (error.response?.status !== 401 || error.config.again) throw error;
    const refresh = localStorage.getItem('refresh');
    const { data } = await axios.post(`${api}/dj-rest-auth/token/refresh/`, { refresh }).catch((refused) => {
      localStorage.clear();
      throw refused;
    });
    localStorage.setItem('access', data.access);
    return client.request({ ...error.config, again: true });
  });
  return {
    async logIn({ accessToken }) {
      const { data } = await axios.post(`${api}/dj-rest-auth/kakao/`, { access_token: accessToken });
      localStorage.setItem('access', data.access_token || data.access);
      localStorage.setItem('refresh', data.refresh_token || data.refresh);
      return data.user.username;
    },
    call: () => client.get('/dj-rest-auth/user/').then(({ status }) => status, ({ response }) => response.status),
    who: () => client.get('/dj-rest-auth/user/').then(({ data }) => data.username, () => null),
    refreshToken: () => localStorage.getItem('refresh'),
    async logOut() {
      await axios.post(`${api}/dj-rest-auth/logout/`, { refresh: localStorage.getItem('refresh') });
      localStorage.clear();
    },
  };
}
