/** A browser whose session began at Django: the API exchanges Django's cookie at the first refresh, and that session takes no links. */

import { expect, test } from 'vitest';
import { tab } from '../scripted.js';
import { linkedApi, REFRESH } from './linked-api.js';
import { storage } from './storage.js';

const loggedIn = { status: 'authenticated', error: null };

test('a browser that comes from Django is asked about once, and its session goes on without links', async () => {
  storage();
  const api = linkedApi();
  api.sid = api.begin('ryan', { isLinked: false });
  const client = tab(api, { silent: 'always' });
  expect(await client.start()).toMatchObject({ ...loggedIn, user: { pk: 'ryan' } });
  for (let times = 0; times < 3; times++) {
    api.pass();
    expect(await client.refresh()).toBeTruthy();
  }
  expect(client.getState()).toMatchObject(loggedIn);
  expect(await tab(api).start()).toMatchObject(loggedIn);
  expect(await client.logout()).toBe(true);
  expect(api.sid).toBe(null);
});

test('links that are left of an earlier session do no harm to one that comes from Django', async () => {
  storage();
  const api = linkedApi();
  const client = tab(api);
  await client.exchange({ access_token: 'ryan' });
  client.dispose();
  // It has ended, and Django’s cookie is exchanged in its place.
  api.chains.clear();
  api.sid = api.begin('ryan', { isLinked: false });
  const next = tab(api);
  expect(await next.start()).toMatchObject(loggedIn);
  api.pass();
  expect(await next.refresh()).toBeTruthy();
  expect(next.getState()).toMatchObject(loggedIn);
  const bodies = api.calls.filter(({ path }) => path === REFRESH).map(({ body }) => JSON.parse(body) as { link?: object });
  expect(bodies.at(-1)!.link).toBeTruthy();
});
