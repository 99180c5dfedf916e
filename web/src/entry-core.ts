/** The client without Kakao's page, the calls about the account, and dj-rest-auth's paths: for a login by `exchange()`. */

import { createCore } from './core.js';
import type { CoreClient, CoreOptions } from './types.js';

export function createAuthClient(options: CoreOptions): CoreClient {
  const [client] = createCore(options);
  // Before a login needs it.
  client.subscribe(() => client.getState().status === 'anonymous' && import('./logins.js').catch(() => {}));
  return client;
}

export { AuthError } from './types.js';
export type { AuthErrorCode, AuthEvent, AuthState, CoreClient, CoreOptions, Credential, Device, User } from './types.js';
