/** The client in an app: the refresh token and its links are kept in the app's keychain. */

/** The app's keychain, for example on `react-native-keychain` or `expo-secure-store`. */
export interface AuthStorage {
  get(name: string): Promise<string | null>;
  /** Resolves when the value is on the disk. Null removes it. */
  set(name: string, value: string | null): Promise<void>;
}
