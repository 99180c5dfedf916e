// Pages without a framework or a bundler: each is a document of its own, and the host answers an unknown path with a 404.

import { after, before } from 'node:test';
import { app, files } from './here.mjs';
import { scenes } from './scenes.mjs';

let here;
before(async () => {
  const serve = files({ '/kakao-login-web/': 'node_modules/kakao-login-web/dist', '/': '.' });
  here = await app('plain', { serve });
});
after(() => here?.stop());

scenes(() => here, { placeholder: ['page: logging in'] });
