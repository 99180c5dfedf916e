// React Router in data mode, built by Vite: its router reads the address when it is created.

import { after, before } from 'node:test';
import { app, files } from './here.mjs';
import { scenes } from './scenes.mjs';

let here;
before(async () => (here = await app('react-router', { prefix: 'VITE_', build: true, serve: files({ '/': 'dist' }, 'dist/index.html') })));
after(() => here?.stop());

scenes(() => here);
