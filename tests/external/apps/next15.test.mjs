// Next.js 15. The API's sessions are not linked, so that the server can read them by their cookie.

import { nextScenes } from './next.mjs';

nextScenes('next15', { SESSION_LINKS: 'off' });
