import react from '@vitejs/plugin-react';
import { defineConfig, loadEnv, type Plugin } from 'vite';
import { compress } from './build/compress.mjs';
import { docs } from './build/docs.mjs';

/** The API that the development server on port 5173 uses. The built page is served by the API itself. */
const { DEMO_API = 'http://localhost:9000' } = loadEnv('', '.', 'DEMO_');

/** Serves the API's `/demo.json` with this browser's cookies and with this server as the redirect URI. */
function settings(): Plugin {
  return {
    name: 'settings',
    configureServer(server) {
      server.middlewares.use('/demo.json', (request, response) => {
        const headers = { cookie: request.headers.cookie ?? '' };
        fetch(`${DEMO_API}/demo.json`, { headers })
          .then((answer) => answer.json())
          .then((known: object) => {
            response.setHeader('content-type', 'application/json');
            response.end(JSON.stringify({ ...known, redirectUri: `http://${request.headers.host}/` }));
          })
          .catch((error: unknown) => {
            response.statusCode = 502;
            response.end(`${DEMO_API}: ${error}`);
          });
      });
    },
  };
}

export default defineConfig({
  plugins: [react(), settings(), docs(), compress()],
  server: { port: 5173, strictPort: true },
  // The browsers of 2023 need no polyfill for module preload. Inlined images would need `data:` in the content security policy.
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
});
