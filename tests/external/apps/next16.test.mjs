// Next.js 16. The API's sessions are linked, so the server cannot read them by their cookie.

import { nextScenes } from './next.mjs';

nextScenes('next16', { SESSION_LINKS: 'on' });
