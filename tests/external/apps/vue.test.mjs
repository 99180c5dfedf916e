// Vue with its router, built by Vite.

import { after, before } from 'node:test';
import { app, files } from './here.mjs';
import { scenes } from './scenes.mjs';

let here;
before(async () => (here = await app('vue', { prefix: 'VITE_', build: true, serve: files({ '/': 'dist' }, 'dist/index.html') })));
after(() => here?.stop());

scenes(() => here);
