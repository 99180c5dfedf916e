/** The session of a React Native app: our client, which keeps its session in the keychain. See docs/native.md. */
import 'react-native-get-random-values';
import { login } from '@react-native-kakao/user';
import { sha256 } from '@noble/hashes/sha2.js';
import * as SecureStore from 'expo-secure-store';
import { AppState, Platform } from 'react-native';
import { createAuthClient } from 'kakao-login-web';
import { appStorage } from 'kakao-login-web/native';

const options = { keychainAccessible: SecureStore.AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY };

/** Each promise resolves when the item is on the disk. */
const keychain = {
  get: (name: string) => SecureStore.getItemAsync(name, options),
  set: (name: string, item: string | null) =>
    item === null ? SecureStore.deleteItemAsync(name, options) : SecureStore.setItemAsync(name, item, options),
};

export const auth = createAuthClient({
  baseUrl: 'https://api.example.com',
  storage: appStorage(keychain),
  device: { platform: Platform.OS },
});

/** Call it once, when the app starts. */
export function start() {
  // A timer does not run while the app is in the background.
  AppState.addEventListener('change', (state) => state === 'active' && auth.wake());
  return auth.start();
}

const base64url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');

/** Logs in with KakaoTalk, or in the browser on a phone without it. */
export async function logIn() {
  const nonce = base64url(crypto.getRandomValues(new Uint8Array(32)));
  // Kakao gets the hash and the API the preimage: nobody who has only the ID token can log in with it.
  const hash = sha256(Uint8Array.from(nonce, (character) => character.charCodeAt(0)));
  const { idToken, accessToken } = await login({ nonce: base64url(hash) });
  // Without OpenID Connect there is no ID token.
  return auth.exchange(idToken ? { id_token: idToken, nonce } : { access_token: accessToken });
}
