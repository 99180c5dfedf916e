// Sends Kakao's code to the back end's callback by `fetch`, in the query, and expects tokens as JSON. Here the callback is for browsers
// that began at the API, so the front end posts the code instead.

import { byCookie } from '../by-cookie.js';

export function create({ api, isChanged }) {
  const post = (path, body) =>
    fetch(api + path, {
      method: 'POST',
      credentials: 'include',
      headers: { 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
  const user = (access) => fetch(`${api}/dj-rest-auth/user/`, { headers: { Authorization: `Bearer ${access}` } });
  const { enter, frontEnd } = byCookie(post, user);
  const toCallback = (code) => fetch(`${api}/accounts/kakao/login/callback/?code=${code}`, { credentials: 'include' });
  return {
    ...frontEnd,
    logIn: async ({ code }) => enter(await (isChanged ? post('/dj-rest-auth/kakao/', { code }) : toCallback(code))),
  };
}
