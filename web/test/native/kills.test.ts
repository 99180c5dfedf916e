// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { linkedApi, LOGIN, REFRESH } from '../links/linked-api.js';
import { disk, phone, withoutBrowser } from './phone.js';

const RYAN = { access_token: 'ryan' };
const HOUR = 3_600_000;

beforeEach(withoutBrowser);
afterEach(() => void vi.useRealTimers());

interface Progress {
  /** Whether the login has shown a session to the user. */
  isIn: boolean;
  isLeaving: boolean;
}

/** An app's day: a login, three refreshes of which two lose something, an hour of silence, and a logout. */
async function day({ client, alive }: ReturnType<typeof phone>, api: ReturnType<typeof linkedApi>, progress: Progress) {
  await client.start();
  await client.exchange(RYAN);
  await alive();
  progress.isIn = true;
  for (const loss of [api.arrives, api.responseLost, api.requestLost]) {
    api.pass();
    api.next(REFRESH, loss);
    await client.refresh().catch(() => client.refresh());
    await alive();
  }
  api.pass();
  vi.setSystemTime(Date.now() + HOUR);
  await client.getToken();
  await alive();
  progress.isLeaving = true;
  await client.logout();
}

test.each([
  ['linked', true],
  ['rotating', false],
])('an app with a %s session that is killed at any step keeps its session, and has none after its logout', async (_, links) => {
  let kills = 0;
  for (let at = 1; ; at++) {
    vi.useFakeTimers({ toFake: ['Date'] });
    const [api, stored, progress] = [linkedApi(), disk(), { isIn: false, isLeaving: false }];
    api.links = links;
    const first = phone(api, stored, at);
    const outcome = await Promise.race([first.killed, day(first, api, progress)]);
    first.client.dispose();
    if (outcome !== 'killed') break;
    kills++;

    // What has arrived at the API, and what was on the disk, when the process was killed.
    const wasStored = !!stored.item?.includes('"refresh"');
    const wasLeaving = !!stored.item?.includes('".logout"');
    api.calls.length = 0;
    api.calm();
    const { client, statuses } = phone(api, stored);
    const state = await client.start();
    if (wasStored && !wasLeaving) {
      expect(state, `killed at ${at}`).toMatchObject({ status: 'authenticated', user: { pk: 'ryan' }, error: null });
      api.pass();
      expect(await client.refresh(), `killed at ${at}`).toBeTruthy();
      expect(api.count(LOGIN)).toBe(0);
      await client.logout();
    } else {
      expect(progress.isIn && !progress.isLeaving, `killed at ${at}: the user had a session`).toBe(false);
      expect(state, `killed at ${at}`).toMatchObject({ status: 'anonymous', error: null });
      if (wasLeaving) await expect.poll(() => api.chains.size).toBe(0);
      await client.exchange(RYAN);
      expect(await client.refresh()).toBeTruthy();
      await client.logout();
    }
    await expect.poll(() => stored.item?.includes('"refresh"') ?? false).toBe(false);
    expect(stored.largest).toBeLessThan(1_024);
    expect(statuses, `killed at ${at}`).not.toContain(401);
    client.dispose();
  }
  expect(kills).toBeGreaterThan(30);
}, 60_000);
