// React Native's own globals (Libraries/Core/InitializeCore.js), without the parts that draw a screen.
require('react-native/Libraries/Core/setUpGlobals');
require('react-native/Libraries/Core/setUpPerformance');
require('react-native/Libraries/Core/polyfillPromise');
require('react-native/Libraries/Core/setUpTimers');
require('react-native/Libraries/Core/setUpErrorHandling');
require('react-native/Libraries/Core/setUpRegeneratorRuntime');
require('react-native/Libraries/Core/setUpXHR');
require('react-native/Libraries/Core/setUpNavigator');
require('react-native/Libraries/Core/setUpBatchedBridge');
