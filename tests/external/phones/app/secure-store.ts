// expo-secure-store's functions on the phone's file. The package itself needs the whole of Expo.
import { type TurboModule, TurboModuleRegistry } from 'react-native';

interface SecureStore extends TurboModule {
  read(): string | null;
  write(item: string | null): void;
}

const native = TurboModuleRegistry.getEnforcing<SecureStore>('SecureStore');

export interface SecureStoreOptions {
  keychainAccessible?: number;
}

export const AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY = 3;

export const getItemAsync = async (_key: string, _options?: SecureStoreOptions): Promise<string | null> => native.read();
export const setItemAsync = async (_key: string, value: string, _options?: SecureStoreOptions): Promise<void> => native.write(value);
export const deleteItemAsync = async (_key: string, _options?: SecureStoreOptions): Promise<void> => native.write(null);
