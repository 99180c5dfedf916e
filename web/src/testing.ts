/** A client for tests of an app, without a network. */

import type { AuthClient, AuthErrorCode, User } from './types.js';

export interface TestAuth extends AuthClient {
  logIn(user?: Partial<User>): void;
  logOut(error?: AuthErrorCode): void;
  /** Sets the response to requests to this path. */
  respond(path: string, response: Response | ((request: Request) => Response)): void;
  readonly requests: Request[];
}

export interface TestAuthOptions {
  user?: Partial<User> | null;
  status?: 'unknown';
}
