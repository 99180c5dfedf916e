// What several kinds have in common: the access token in memory, and a refresh by the cookie when there is none or it has expired.

/** `post` sends a body; `user` asks for the user with an access token. `enter` takes the response of a login. */
export function byCookie(post, user) {
  let access;
  async function current() {
    const response = access ? await user(access) : undefined;
    if (response && response.status !== 401) return response;
    const renewed = await post('/dj-rest-auth/token/refresh/');
    if (!renewed.ok) return renewed;
    ({ access } = await renewed.json());
    return user(access);
  }
  return {
    async enter(response) {
      if (!response.ok) throw new Error(`${response.status}`);
      const body = await response.json();
      ({ access } = body);
      return body.user.username;
    },
    frontEnd: {
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
    },
  };
}
