import { expect, test } from 'vitest';
import { AuthError } from '../src/index.js';
import { lazily } from '../src/lazily.js';
import { answer, loggedInTab, networkError, page, refusal, scriptedApi, sessionOver, tab } from './scripted.js';

const LOGIN = '/auth/kakao';
const code = { code: 'ryan', redirect_uri: 'http://localhost:5173/callback' };

async function refused(response: () => Response | Promise<Response>): Promise<AuthError> {
  const api = scriptedApi();
  api.instead.set(LOGIN, response);
  const error: unknown = await tab(api).exchange(code).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(AuthError);
  return error as AuthError;
}

test('an error carries the API’s code and sentence', async () => {
  expect(await refused(() => refusal('kakao_wrong_app'))).toMatchObject({
    code: 'rejected',
    apiCode: 'kakao_wrong_app',
    detail: 'No.',
    message: 'rejected: No.',
  });
});

test.each([
  ['a lost response', networkError],
  ['a page', () => page(403)],
  ['dj-rest-auth’s 400', () => answer(400, { non_field_errors: ['No.'] })],
])('%s has neither', async (_, respond) => {
  const { code: own, apiCode, detail, message } = await refused(respond);
  expect([apiCode, detail, message]).toEqual(['', '', own]);
}, 10_000);

test('a timeout, whose cause has a numeric code, has neither', () => {
  expect(new AuthError('unavailable', 0, new DOMException('signal timed out', 'TimeoutError'))).toMatchObject({ apiCode: '', detail: '', message: 'unavailable' });
});

test('a renewal that the API refuses or cannot do says why', async () => {
  const api = scriptedApi();
  const client = await loggedInTab(api);
  api.instead.set('/auth/refresh', () => answer(503, { code: 'unavailable', detail: 'Try again.' }));
  await expect(client.refresh()).rejects.toMatchObject({ code: 'unavailable', status: 503, apiCode: 'unavailable', detail: 'Try again.' });
  api.instead.set('/auth/refresh', sessionOver);
  await client.refresh();
  expect(client.getState().error).toMatchObject({ code: 'expired', apiCode: 'token_not_valid', detail: 'The session has ended. Log in again.' });
});

test('a part that cannot be loaded is like an API that cannot be reached, and is loaded again by the next call', async () => {
  let tries = 0;
  const cause = new TypeError('Failed to fetch dynamically imported module');
  const part = lazily(() => (tries++ ? Promise.resolve('part') : Promise.reject(cause)));
  await expect(part()).rejects.toMatchObject({ code: 'unavailable', status: 0, cause });
  expect(await part()).toBe('part');
  expect(await part()).toBe('part');
  expect(tries).toBe(2);
});
