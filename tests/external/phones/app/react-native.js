// What the app and its packages use of React Native's index, which would bring every view with it.
import * as TurboModuleRegistry from 'react-native/Libraries/TurboModule/TurboModuleRegistry';

export { default as AppState } from 'react-native/Libraries/AppState/AppState';
export { default as NativeModules } from 'react-native/Libraries/BatchedBridge/NativeModules';
export { default as Platform } from 'react-native/Libraries/Utilities/Platform';
export { TurboModuleRegistry };
