/** Who is logged in: one view for each state. */

import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { User } from 'kakao-login-web';
import { useAuth } from 'kakao-login-web/react';
import type { Demo } from './demo.js';
import { icons, KakaoSymbol } from './icons.js';
import { useTexts } from './language.js';
import { Ring } from './Ring.js';
import { Tour } from './Tour.js';

export function SessionCard({ demo, onWhere }: { demo: Demo; onWhere: () => void }) {
  const { status, user, error } = useAuth();
  const { t } = useTexts();
  const isCutOff = error?.code === 'unavailable';
  const heading = useRef<HTMLHeadingElement>(null);
  const hadSession = useRef(false);
  useEffect(() => {
    // A logout removes the pressed button. Keep the keyboard focus here, not at the top of the page.
    if (status === 'anonymous' && hadSession.current && document.activeElement === document.body) heading.current?.focus();
    hadSession.current = status === 'authenticated';
  }, [status]);
  return (
    <section className="card session" aria-labelledby="session">
      <div className="card-head">
        <h2 id="session" ref={heading} tabIndex={-1}>
          {t.session}
        </h2>
        <p role="status" aria-live="polite">
          {status === 'unknown' && <Badge tone={isCutOff ? 'warning' : 'quiet'} text={t.checking} />}
          {status === 'anonymous' && <Badge tone="quiet" text={t.anonymous} />}
          {status === 'authenticated' && <Badge tone={isCutOff ? 'warning' : 'good'} text={isCutOff ? t.offline : t.loggedIn} />}
        </p>
      </div>
      <div role="status" aria-live="polite">
        {error && (
          <p className={error.code === 'denied' || error.code === 'account_being_deleted' ? 'alert quiet' : 'alert'}>
            {icons.alert}
            <span>{t.error(error.code, status)}</span>
          </p>
        )}
        {status === 'anonymous' && <Receipt demo={demo} />}
      </div>
      {status === 'unknown' && <Checking />}
      {status === 'anonymous' && <LogIn demo={demo} />}
      {status === 'authenticated' && (
        <>
          <Profile user={user} demo={demo} isCutOff={isCutOff} />
          <Tour demo={demo} />
        </>
      )}
      {demo.config.development_cookie && (
        <p className="alert quiet development">
          {icons.key}
          <span>{t.developmentCookie}</span>
        </p>
      )}
      <div className="card-foot">
        {status === 'authenticated' && (
          <>
            <button type="button" className="button" onClick={() => void demo.logout(false)}>
              {icons.out}
              {t.logout}
            </button>
            <button type="button" className="button" onClick={() => void demo.logout(true)}>
              {icons.out}
              {t.logoutEverywhere}
            </button>
          </>
        )}
        <button type="button" className="plain" onClick={onWhere}>
          {icons.key}
          {t.whereIsIt}
        </button>
      </div>
    </section>
  );
}

function Badge({ tone, text }: { tone: 'good' | 'warning' | 'quiet'; text: string }) {
  return <span className={`badge ${tone}`}>{text}</span>;
}

/** Confirms the deletion of the account, until the next login. */
function Receipt({ demo }: { demo: Demo }) {
  const { language, t } = useTexts();
  const deletion = useSyncExternalStore(demo.deletion.subscribe, demo.deletion.get);
  if (deletion.step !== 'done') return null;
  const { id, deleted_at: at } = deletion.receipt;
  const time = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(at));
  return (
    <div className="receipt">
      <h3>{t.deleted}</h3>
      <p>{t.deletedNote}</p>
      <dl>
        <div>
          <dt>{t.receipt.id}</dt>
          <dd>{id}</dd>
        </div>
        <div>
          <dt>{t.receipt.at}</dt>
          <dd>{time}</dd>
        </div>
      </dl>
    </div>
  );
}

function Checking() {
  const { t } = useTexts();
  return (
    <div className="checking">
      <span className="spinner" aria-hidden="true" />
      <p>{t.checkingLong}</p>
    </div>
  );
}

function LogIn({ demo }: { demo: Demo }) {
  const { t } = useTexts();
  const [isLeaving, setLeaving] = useState(false);
  useEffect(() => {
    // After Back from Kakao's page, the browser restores this page as it was left.
    const stay = () => setLeaving(false);
    addEventListener('pageshow', stay);
    return () => removeEventListener('pageshow', stay);
  }, []);
  return (
    <div className="start">
      <div className="login">
        <p className="welcome">{t.welcome}</p>
        <button
          type="button"
          className="kakao"
          aria-busy={isLeaving}
          onClick={() => {
            setLeaving(true);
            demo.login().catch(() => setLeaving(false));
          }}
        >
          <KakaoSymbol />
          <span>{t.login}</span>
        </button>
        {demo.switchesAccount() && <p className="note">{t.switching}</p>}
        <p className="note">{demo.config['stand-in'] ? t.standIn : t.realKakao}</p>
      </div>
      <Tour demo={demo} />
    </div>
  );
}

function Profile({ user, demo, isCutOff }: { user: User; demo: Demo; isCutOff: boolean }) {
  const { t } = useTexts();
  return (
    <div className="profile">
      <div className="person">
        <Avatar user={user} standIn={demo.config['stand-in']} />
        <div className="who">
          <h3>{user.nickname || t.noName}</h3>
          <p className="note email">{user.email || t.noEmail}</p>
          {user.created_at && <p className="note">{t.joined(new Date(user.created_at))}</p>}
        </div>
      </div>
      <Ring demo={demo} isCutOff={isCutOff} />
    </div>
  );
}

const HUES = 6;

/** The user's picture, or an initial: the pictures of the stand-in's users have addresses that do not exist. */
function Avatar({ user, standIn }: { user: User; standIn: string | null }) {
  const { t } = useTexts();
  const [isBroken, setBroken] = useState(false);
  const picture = user.profile_image;
  if (picture && !isBroken && (!standIn || picture.startsWith(`${standIn}/`))) {
    return <img className="avatar" src={picture} alt={t.picture} width={64} height={64} onError={() => setBroken(true)} />;
  }
  const hue = [...String(user.pk)].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % HUES;
  const initial = [...(user.nickname ?? '')][0];
  return (
    <span className="avatar" data-hue={hue} aria-hidden="true">
      {initial ?? (
        <svg viewBox="0 0 20 20">
          <circle cx="10" cy="7.5" r="3.2" />
          <path d="M3.8 17a6.2 6.2 0 0 1 12.4 0z" />
        </svg>
      )}
    </span>
  );
}
