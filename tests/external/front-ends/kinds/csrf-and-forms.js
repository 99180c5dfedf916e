// Django's habits: `X-CSRFToken` on every request, and bodies of `URLSearchParams`. A form of a page is refused, so the front end sends
// JSON; the header may stay.

import { byCookie } from '../by-cookie.js';

export function create({ api, isChanged }) {
  const post = (path, body = {}) =>
    fetch(api + path, {
      method: 'POST',
      credentials: 'include',
      headers: { 'X-CSRFToken': 'none', ...(isChanged && { 'Content-Type': 'application/json' }) },
      body: isChanged ? JSON.stringify(body) : new URLSearchParams(body),
    });
  const user = (access) =>
    fetch(`${api}/dj-rest-auth/user/`, { credentials: 'include', headers: { 'X-CSRFToken': 'none', Authorization: `Bearer ${access}` } });
  const { enter, frontEnd } = byCookie(post, user);
  return {
    ...frontEnd,
    logIn: async ({ accessToken }) => enter(await post('/dj-rest-auth/kakao/', { access_token: accessToken })),
  };
}
