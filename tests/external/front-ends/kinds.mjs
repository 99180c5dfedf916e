// The kinds of front ends that were written for Django, what happens to each here, and what to set or to change. docs/migrating-from-django.md
// has a row for each.

/** How far a front end gets: to the end, or to the scene in which it fails. */
export const WORKS = 'works';

const COMPATIBILITY = { COMPATIBILITY: 'dj-rest-auth' };
const BODY = 'works with `Compatibility=dj-rest-auth`; otherwise its visitors are logged out when the access token expires';

/**
 * `seen` is in how many of 167 public front ends it was found, and in brackets how many have a part of it.
 * `runs` are what is replayed: settings of the stack, whether the front end is changed, and how far it gets.
 */
export const KINDS = [
  {
    name: 'cookie-interceptor',
    seen: '3 (3)',
    does: 'an interceptor with `withCredentials`, the access token in memory',
    here: 'works unchanged',
    todo: 'nothing; leave `Compatibility` off, or send `"transport": "cookie"` with the login',
    runs: [{ expect: WORKS }, { settings: COMPATIBILITY, expect: 'expired' }],
  },
  {
    name: 'sdk-v1',
    seen: '0 (4)',
    does: 'an access token of Kakao’s SDK, then a refresh by the cookie before each call',
    here: 'works unchanged',
    todo: 'nothing',
    runs: [{ expect: WORKS }],
  },
  {
    name: 'instrumented',
    seen: '0',
    does: 'headers of Sentry and OpenTelemetry on every request',
    here: 'works unchanged',
    todo: 'other headers: `AllowHeaders`',
    runs: [{ expect: WORKS }, { settings: { ALLOW_HEADERS: 'authorization,content-type' }, expect: 'logIn' }],
  },
  {
    name: 'body-access-only',
    seen: '39',
    does: 'keeps the login’s `refresh` in localStorage for ever, and reads only `access` of a refresh',
    here: BODY,
    todo: '`withCredentials`, and no `refresh` in bodies; or set `Compatibility`',
    runs: [{ expect: 'expired' }, { settings: COMPATIBILITY, expect: WORKS }],
  },
  {
    name: 'body-queue',
    seen: '3 (13)',
    does: 'keeps `access` and `refresh` in localStorage and stores both after each refresh; a queue while it refreshes',
    here: BODY,
    todo: 'the same',
    runs: [{ expect: 'expired' }, { settings: COMPATIBILITY, expect: WORKS }],
  },
  {
    name: 'simplejwt',
    seen: '30 (2)',
    does: 'simplejwt’s paths: `/api/token/verify/` at the start, `/api/token/refresh/` after it',
    here: BODY,
    todo: 'the same',
    runs: [{ expect: 'expired' }, { settings: COMPATIBILITY, expect: WORKS }],
  },
  {
    name: 'decodes-refresh',
    seen: '16 (11)',
    does: 'decodes the refresh token as a JWT to know when it expires',
    here: 'fails at the login: the refresh token is opaque',
    todo: 'read `refresh_expiration`; set `Compatibility`',
    runs: [{ expect: 'logIn' }, { settings: COMPATIBILITY, expect: 'logIn' }, { settings: COMPATIBILITY, isChanged: true, expect: WORKS }],
  },
  {
    name: 'drf-key',
    seen: '20 (1)',
    does: 'DRF’s `{"key"}`, sent as `Authorization: Token …`',
    here: 'fails at the login: every token here expires',
    todo: '`access` and `Bearer`, and a refresh after a 401',
    runs: [{ expect: 'logIn' }, { isChanged: true, expect: WORKS }],
  },
  {
    name: 'code-alone',
    seen: '9 (1)',
    does: 'sends `{"code"}` alone, twice under StrictMode',
    here: '400 at the login, unless the code may come without PKCE and nonce',
    todo: 'send `code_verifier` or `nonce`; or `RequireBinding=false`',
    runs: [{ expect: 'logIn' }, { settings: { REQUIRE_BINDING: 'false' }, expect: WORKS }],
  },
  {
    name: 'cookies-only',
    seen: '17',
    does: 'both tokens in cookies and no `Authorization` header, a refresh before each call, and the refresh token decoded at the login',
    here: 'fails at the login, where it decodes the token',
    todo: 'do not decode it. Your own API needs `Authorization: Bearer`',
    runs: [{ expect: 'logIn' }, { isChanged: true, expect: WORKS }],
  },
  {
    name: 'callback-xhr',
    seen: '12',
    does: 'sends the code to the callback’s path by `fetch`, as `?code=`, and expects tokens',
    here: 'fails at the login: the callback is for browsers that began at the API',
    todo: 'post the code to the login, and what `{"code"}` alone needs',
    runs: [{ expect: 'logIn' }, { settings: { REQUIRE_BINDING: 'false' }, isChanged: true, expect: WORKS }],
  },
  {
    name: 'api-hosted',
    seen: '7 (5)',
    does: 'a link to `/accounts/kakao/login/`, then the session’s cookie alone',
    here: 'works with `CallbackUri`; otherwise 404',
    todo: 'register the callback at Kakao, set `CallbackUri`: [hosted login](hosted-login.md)',
    runs: [
      { settings: { CALLBACK_URI: '' }, expect: 'logIn' },
      { settings: (api) => ({ CALLBACK_URI: `${api}/accounts/kakao/login/callback/` }), expect: WORKS },
    ],
  },
  {
    name: 'csrf-and-forms',
    seen: '0 (8)',
    does: '`X-CSRFToken`, and bodies of `URLSearchParams`',
    here: '415 at the login: a form on another site could post it. The header is accepted',
    todo: 'send JSON',
    runs: [{ expect: 'logIn' }, { isChanged: true, expect: WORKS }],
  },
  {
    name: 'server',
    seen: '4 (4)',
    does: 'a server logs in with a form and keeps both tokens, such as NextAuth’s',
    here: BODY,
    todo: 'send `"transport": "body"` with the login, as an [app](native.md) does; or set `Compatibility`',
    runs: [{ expect: 'expired' }, { settings: COMPATIBILITY, expect: WORKS }, { isChanged: true, expect: WORKS }],
  },
];
