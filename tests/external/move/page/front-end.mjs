// A front end that was written for dj-rest-auth, as it runs in a page, or anywhere with a `request` that keeps cookies as a browser does.

/**
 * `kind` is where it keeps the refresh token: `cookie` leaves that to the browser, `stores` puts the one of each response into the
 * storage, and `keeps` the one of the login, for ever. `program` is a server, which stores them too.
 */
export function frontEnd({ request, storage, kind }) {
  let access;
  const isByCookie = kind === 'cookie';
  const headers = () => ({ 'content-type': 'application/json', ...(access && { authorization: `Bearer ${access}` }) });
  const post = (path, body, given) => request(path, { method: 'POST', headers: given ?? headers(), body: JSON.stringify(body) });
  const anonymous = (path, body) => post(path, body, { 'content-type': 'application/json' });
  const refreshToken = () => (isByCookie ? {} : { refresh: storage.getItem('refresh') });
  function take(tokens, isLogin) {
    access = tokens.access;
    if (!isByCookie && tokens.refresh && (isLogin || kind !== 'keeps')) storage.setItem('refresh', tokens.refresh);
  }

  async function refresh() {
    const response = await anonymous('/dj-rest-auth/token/refresh/', refreshToken());
    if (response.ok) take(await response.json(), false);
    return response.status;
  }
  /** With a refresh after a 401, as interceptors do. */
  async function call(ask) {
    let response = await ask();
    if (response.status === 401 && (await refresh()) === 200) response = await ask();
    return { status: response.status, body: await response.json() };
  }
  return {
    async logIn(credential) {
      const response = await anonymous('/dj-rest-auth/kakao/', credential);
      const body = await response.json();
      if (response.ok) take(body, true);
      return { status: response.status, user: body.user };
    },
    refresh,
    get: (path) => call(() => request(path, { headers: headers() })),
    post: (path, body) => call(() => post(path, body)),
    async leave() {
      return (await request('/dj-rest-auth/user/', { method: 'DELETE', headers: headers() })).status;
    },
    async logOut() {
      const { status } = await post('/dj-rest-auth/logout/', refreshToken());
      access = undefined;
      storage.removeItem('refresh');
      return status;
    },
  };
}
