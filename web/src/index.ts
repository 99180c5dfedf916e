export { createAuthClient } from './client.js';
export { AuthError } from './types.js';
export type {
  AccountExport,
  AuthClient,
  AuthClientOptions,
  AuthErrorCode,
  AuthEvent,
  AuthSession,
  AuthState,
  Credential,
  DeletionReceipt,
  Device,
  KakaoOptions,
  User,
} from './types.js';
