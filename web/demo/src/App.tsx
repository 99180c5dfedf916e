/** The page: actions on the left, the journal on the right; on narrow screens one below the other. */

import { lazy, Suspense, useRef } from 'react';
import { useAuth } from 'kakao-login-web/react';
import { Account } from './Account.js';
import { Actions } from './Actions.js';
import type { Demo } from './demo.js';
import { Devices } from './Devices.js';
import { Drawer } from './Drawer.js';
import { FaultSwitches } from './FaultSwitches.js';
import { JournalCard } from './JournalCard.js';
import { useTexts } from './language.js';
import { Scenes } from './Scenes.js';
import { SessionCard } from './SessionCard.js';
import type { Language } from './texts.js';

export function App({ demo }: { demo: Demo }) {
  const { status } = useAuth();
  const { t } = useTexts();
  const drawer = useRef<HTMLDialogElement>(null);
  return (
    <>
      <Header />
      <main>
        <div className="hero">
          <h1>{t.hero}</h1>
          <p>{t.lead}</p>
        </div>
        <div className="columns">
          <div className="column">
            <SessionCard demo={demo} onWhere={() => drawer.current?.showModal()} />
            {status === 'authenticated' && <Actions demo={demo} />}
            <FaultSwitches demo={demo} />
            {demo.scenes.all.length > 0 && <Scenes demo={demo} />}
            <Suspense>
              <Replay />
            </Suspense>
            {status === 'authenticated' && <Devices demo={demo} />}
            {status === 'authenticated' && <Account demo={demo} />}
          </div>
          <div className="column">
            <JournalCard journal={demo.journal} />
          </div>
        </div>
      </main>
      <Footer />
      <Drawer ref={drawer} client={demo.client} isDevelopment={demo.config.development_cookie === true} />
    </>
  );
}

/** Apart, because the recording is not needed to begin. */
const Replay = lazy(() => import('./replay/Replay.js'));

const LANGUAGES: [Language, string][] = [
  ['ko', '한국어'],
  ['en', 'English'],
];

function Header() {
  const { language, speak, t } = useTexts();
  return (
    <header className="bar">
      <span className="brand">
        <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
          <rect width="32" height="32" rx="9" />
          <circle cx="16" cy="16" r="8" />
          <path d="M16 8a8 8 0 1 1-7.6 5.5" />
        </svg>
        kakao-login
      </span>
      <div className="languages" role="group" aria-label={t.language}>
        {LANGUAGES.map(([code, name]) => (
          <button key={code} type="button" lang={code} aria-pressed={language === code} onClick={() => speak(code)}>
            {name}
          </button>
        ))}
      </div>
    </header>
  );
}

function Footer() {
  const { t } = useTexts();
  return (
    <footer className="bar">
      <nav aria-label={t.footer}>
        {t.links.map(([url, name]) => (
          <a key={url} href={url}>
            {name}
          </a>
        ))}
      </nav>
    </footer>
  );
}
