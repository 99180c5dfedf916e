/** Where the tokens and links are: what a script can see, and which cookies the server receives. */

import { type ReactNode, type Ref, useState } from 'react';
import type { AuthClient } from 'kakao-login-web';
import { type Config, loadConfig } from './config.js';
import { icons } from './icons.js';
import { useTexts } from './language.js';
import { numberOf, readLinks } from './stored-links.js';

interface Seen {
  /** The number of the link; null if there is none. */
  link: number | null;
  storage: [name: string, value: string][];
  cookie: string;
  secondsLeft: number | null;
}

async function look(client: AuthClient): Promise<Seen> {
  const expiresAt = client.expiresAt();
  const [link] = await readLinks();
  return {
    link: client.getState().status === 'authenticated' && link ? numberOf(link) : null,
    storage: Object.entries(localStorage).sort(([a], [b]) => a.localeCompare(b)),
    cookie: document.cookie,
    secondsLeft: expiresAt === null ? null : Math.max(0, Math.ceil((expiresAt - Date.now()) / 1_000)),
  };
}

export function Drawer({ ref, client, isDevelopment }: { ref: Ref<HTMLDialogElement>; client: AuthClient; isDevelopment: boolean }) {
  const { t } = useTexts();
  const [seen, setSeen] = useState<Seen | null>(null);
  const [cookies, setCookies] = useState<Config['cookies'] | 'loading' | 'failed'>('loading');

  function open() {
    void look(client).then(setSeen);
    setCookies('loading');
    loadConfig().then(
      (config) => setCookies(config.cookies),
      () => setCookies('failed'),
    );
  }

  return (
    <dialog
      ref={ref}
      className="drawer"
      aria-labelledby="drawer"
      onToggle={(event) => event.newState === 'open' && open()}
      onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}
    >
      <div className="drawer-body">
        <div className="card-head">
          <h2 id="drawer">{t.drawer}</h2>
          <button type="button" className="plain square" aria-label={t.close} onClick={(event) => event.currentTarget.closest('dialog')?.close()}>
            {icons.close}
          </button>
        </div>
        {seen && (
          <>
            <Place icon={icons.memory} name={t.memory} place={t.memoryPlace} note={t.memoryNote}>
              <p className="fact">{seen.secondsLeft === null ? t.memoryNone : t.memorySome(seen.secondsLeft)}</p>
            </Place>
            <Place icon={icons.lock} name={t.cookie} place={t.cookiePlace} note={t.cookieNote}>
              {isDevelopment && <p className="note">{t.developmentCookie}</p>}
              <Cookies cookies={cookies} />
            </Place>
            <Place icon={icons.link} name={t.link} place={t.linkPlace} note={t.linkNote}>
              <p className="fact">{seen.link === null ? t.memoryNone : t.linkSome(seen.link)}</p>
            </Place>
            <Place icon={icons.storage} name={t.storage} note={t.storageNote}>
              <Facts facts={seen.storage} empty={t.storageEmpty} />
            </Place>
            <Place icon={icons.code} name={t.documentCookie} note={t.documentCookieNote}>
              {seen.cookie ? <p className="fact mono">{seen.cookie}</p> : <p className="fact">{t.storageEmpty}</p>}
            </Place>
          </>
        )}
      </div>
    </dialog>
  );
}

interface PlaceProps {
  icon: ReactNode;
  name: string;
  place?: string;
  note: string;
  children: ReactNode;
}

function Place({ icon, name, place, note, children }: PlaceProps) {
  return (
    <section className="place">
      <h3>
        {icon}
        {name}
        {place && <span className="badge quiet">{place}</span>}
      </h3>
      <p className="note">{note}</p>
      {children}
    </section>
  );
}

function Cookies({ cookies }: { cookies: Config['cookies'] | 'loading' | 'failed' }) {
  const { t } = useTexts();
  if (cookies === 'loading') return <p className="fact">{t.loading}</p>;
  if (cookies === 'failed') return <p className="fact">{t.failed}</p>;
  return <Facts facts={cookies.map(({ name, bytes }) => [name, t.bytes(bytes)])} empty={t.cookieNone} />;
}

function Facts({ facts, empty }: { facts: [name: string, value: string][]; empty: string }) {
  if (facts.length === 0) return <p className="fact">{empty}</p>;
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
