// Next.js with its app router: the server renders every page, and the client's components hydrate it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { shows } from '../../../web/e2e/world.mjs';
import { app, server } from './here.mjs';
import { logIn, scenes } from './scenes.mjs';

export function nextScenes(name, api) {
  const said = [];
  let here;
  before(async () => (here = await app(name, { prefix: 'NEXT_PUBLIC_', api, build: true, serve: server(said) })));
  after(() => here?.stop());

  scenes(() => here, { placeholder: ['page: logging in'], isRouted: true });

  test('a page that the server rendered for the user shows them at once; a linked session is not known there', async () => {
    const nickname = '라이언 다섯';
    const profile = await here.profile();
    const tab = await profile.newPage();
    await logIn(here, tab, nickname);
    const response = await tab.goto(`${here.origin}/rsc`);
    const [html] = /<body>.*?(?=<script)/s.exec(await response.text());
    const isKnown = api.SESSION_LINKS === 'off';
    assert.ok(html.replaceAll('<!-- -->', '').includes(`rendered for ${isKnown ? nickname : 'somebody'}`), html);
    assert.ok(html.includes(isKnown ? `Hello ${nickname}` : 'unknown'), html);
    await shows(tab, `Hello ${nickname}`);
    await profile.close();
  });

  test('the server has complained of nothing', () => {
    assert.doesNotMatch(said.join(''), /warn|error|hydrat|⨯|⚠/i);
  });
}
