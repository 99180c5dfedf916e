import react from '@vitejs/plugin-react';
import { defineConfig, loadEnv, type Plugin } from 'vite';

/** The API that `vite` (port 5173) shows; the built page is served by the API itself. */
const { DEMO_API = 'http://localhost:9000' } = loadEnv('', '.', 'DEMO_');

/** `/demo.json` as the API has it, with the cookies that this browser sends, and this server as the way back from Kakao. */
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
  plugins: [react(), settings()],
  server: { port: 5173, strictPort: true },
  // Chromium, Firefox and Safari of 2023 preload modules by themselves. Inlined images would need `data:` in the policy.
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
});
