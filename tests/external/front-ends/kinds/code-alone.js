// A callback page that sends `{code}` and nothing else, twice under React's StrictMode, and goes on with the answer that succeeds. The
// session is in the cookie.

import { byCookie } from '../by-cookie.js';

export function create({ api }) {
  const request = (path, options) => fetch(api + path, { credentials: 'include', ...options });
  const post = (path, body) =>
    request(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
  const user = (access) => request('/dj-rest-auth/user/', { headers: { Authorization: `Bearer ${access}` } });
  const { enter, frontEnd } = byCookie(post, user);
  return {
    ...frontEnd,
    async logIn({ code }) {
      const responses = await Promise.all([post('/dj-rest-auth/kakao/', { code }), post('/dj-rest-auth/kakao/', { code })]);
      return enter(responses.find(({ ok }) => ok) ?? responses[0]);
    },
  };
}
