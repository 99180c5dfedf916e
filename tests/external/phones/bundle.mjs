// Metro's bundle of docs/native/session.ts, as an app's release build has it.

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fromNpm } from './install.mjs';

const here = import.meta.dirname;
const root = join(here, '../../..');
const web = join(root, 'web');
const require = createRequire(import.meta.url);

/** Bundles the app, with our client as it is built, in this folder. Returns the path of the bundle. */
export async function bundle(folder) {
  fromNpm();
  const { getDefaultConfig, mergeConfig } = require('@react-native/metro-config');
  const Metro = require('metro');
  const client = join(folder, 'client');
  execFileSync(join(web, 'node_modules/.bin/tsc'), ['-p', join(web, 'tsconfig.build.json'), '--outDir', client]);
  // What comes from npm in a real app: our client, and what has no JavaScript half of its own.
  const modules = {
    'kakao-login-web': join(client, 'index.js'),
    'kakao-login-web/native': join(client, 'native.js'),
    'expo-secure-store': join(here, 'app/secure-store.ts'),
    'react-native': join(here, 'app/react-native.js'),
  };
  const config = mergeConfig(await getDefaultConfig(here), {
    watchFolders: [here, join(root, 'docs/native'), client],
    cacheStores: [],
    reporter: { update: () => {} },
    maxWorkers: 1,
    resolver: {
      nodeModulesPaths: [join(here, 'node_modules')],
      resolveRequest: (context, name, platform) =>
        modules[name] ? { type: 'sourceFile', filePath: modules[name] } : context.resolveRequest(context, name, platform),
    },
    transformer: { babelTransformerPath: require.resolve('@react-native/metro-babel-transformer') },
  });
  await Metro.runBuild(config, { entry: 'app/index.js', platform: 'android', dev: false, minify: false, out: join(folder, 'app') });
  return join(folder, 'app.js');
}
