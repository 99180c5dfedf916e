/** The texts of the scenes in English. */

import type { SceneTexts } from './scenes-ko.js';

export const scenesEn: SceneTexts = {
  title: 'Steal it, lose it, rotate it',
  note: 'The requests of the thief and of the other service are real: the server on this computer sends them as another computer would. Time passes by setting the server’s clock ahead.',
  loggedOut: 'Log in to play.',
  again: 'Log in to play again.',
  name: {
    cookie: 'Steal only the cookie',
    profile: 'Steal the cookie and its links',
    silence: 'Lose the response, close the tab, come back in an hour',
    keys: 'Rotate the signing key now',
  },
  hint: {
    cookie: 'Worthless without its links',
    profile: 'Found at your next refresh: both are out',
    silence: 'You stay logged in',
    keys: 'Nobody is logged out',
  },
  side: { owner: 'You', thief: 'Thief', service: 'Another service' },
  stands: {
    in: 'Logged in', out: 'Logged out', copy: 'Has a copy', token: 'Has a token', nothing: 'Got nothing', accepts: 'Accepts the token', refuses: 'Refuses the token',
  },
  step: {
    'cookie-copied': 'Copied only the cookie with your refresh token to another computer.',
    'profile-copied': 'Copied your cookie and the links in IndexedDB.',
    pace: 'The server’s clock went 15 s ahead, because links are added at most every 15 s.',
    thief: 'Asked for a token with the copy.',
    'thief-again': 'Asked again.',
    log: 'The line in the server’s log:',
    owner: 'Refreshed as always.',
    fork: 'Refreshed, and now two different links followed the same one.',
    lost: 'The server responded to your refresh, but the response was lost, and the connection too.',
    hour: 'The tab was closed, and the server’s clock went an hour ahead.',
    back: 'The page was opened again, and repeated its request with the same stored link.',
    'key-before': 'Has a token that today’s key signed.',
    accepts: 'Cached the public keys and verified the token.',
    published: 'A new key was made and published. It does not sign yet.',
    'key-same': 'An hour later, the old key still signs.',
    'keys-cached': 'Verified it with the cached keys.',
    active: 'Enough time passed for every cache to have the new key (2 h 31 min).',
    'key-after': 'Now the new key signs.',
    'accepts-new': 'Verified it with the public keys that it fetched in between.',
  },
  key: 'key',
  noResponse: 'no response',
  outcome: {
    worthless: 'The stolen cookie was worthless, and you noticed nothing.',
    found: 'Found. The server ended the session: you and the thief are both out.',
    'still-in': 'You are still logged in.',
    rotated: 'The key changed, nobody was logged out, and the other service accepted every token.',
    unlinked: 'This session has no links. Where a browser refuses IndexedDB, tokens rotate instead.',
    unexpected: 'This did not end as it should. Please look at “What happened”.',
    failed: 'Could not reach the server, so the scene stopped.',
  },
};
