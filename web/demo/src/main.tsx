import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { AuthProvider } from 'kakao-login-web/react';
import { App } from './App.js';
import { Notice } from './Notice.js';
import { type Config, loadConfig } from './config.js';
import { createDemo } from './demo.js';
import { Speaking } from './language.js';
import './styles.css';

function page(config: Config | null) {
  if (!config) return <Notice url={null} />;
  // The cookie and the redirect URI belong to one host name: 127.0.0.1 is another site than localhost.
  const { origin } = new URL(config.redirectUri);
  if (origin !== location.origin) return <Notice url={`${origin}/`} />;
  const demo = createDemo(config);
  return (
    <AuthProvider client={demo.client}>
      <App demo={demo} />
    </AuthProvider>
  );
}

const root = createRoot(document.getElementById('page') as HTMLElement);
const content = page(await loadConfig().catch(() => null));
root.render(
  <StrictMode>
    <Speaking>{content}</Speaking>
  </StrictMode>,
);
