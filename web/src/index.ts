export { createAuthClient } from './client.js';
export { AuthError } from './types.js';
export type { AuthClient, AuthClientOptions, AuthErrorCode, AuthEvent, AuthState, Credential, User } from './types.js';
