/** The user's sessions on all devices. They are loaded when asked for, so that opening the page needs no request. */

import { useCallback, useEffect, useState } from 'react';
import type { AuthSession } from 'kakao-login-web';
import type { Demo } from './demo.js';
import { deviceOf } from './device.js';
import { icons } from './icons.js';
import { useTexts } from './language.js';

export function Devices({ demo }: { demo: Demo }) {
  const { t } = useTexts();
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [sessions, setSessions] = useState<AuthSession[] | null>(null);
  /** What went wrong last: loading, or ending sessions. */
  const [failure, setFailure] = useState<'load' | 'end' | null>(null);
  const { client } = demo;

  const load = useCallback(() => {
    client.sessions().then(
      (found) => {
        // This device first, then as the API has them: last used first.
        setSessions(found.sort((a, b) => Number(b.current) - Number(a.current)));
        setFailure((failure) => (failure === 'load' ? null : failure));
      },
      () => setFailure('load'),
    );
  }, [client]);

  useEffect(() => {
    if (!isOpen) return;
    load();
    const deaf = client.on(({ type }) => type === 'sessions-changed' && load());
    // Other devices may have logged in or out while this page was not seen.
    const look = () => document.hidden || load();
    document.addEventListener('visibilitychange', look);
    return () => {
      deaf();
      document.removeEventListener('visibilitychange', look);
    };
  }, [isOpen, client, load]);

  async function end(what: () => Promise<unknown>) {
    if (isBusy) return;
    setBusy(true);
    const isDone = await what().catch(() => false);
    setFailure(isDone === false ? 'end' : null);
    setBusy(false);
  }

  const others = sessions?.filter(({ current }) => !current) ?? [];
  return (
    <section className="card" aria-labelledby="devices">
      <div className="card-head">
        <h2 id="devices">{t.devices}</h2>
        {isOpen && sessions && <span className="badge quiet">{t.deviceCount(sessions.length)}</span>}
      </div>
      <p className="note">{t.devicesNote}</p>
      <div role="status" aria-live="polite">
        {failure && (
          <p className="alert spaced">
            {icons.alert}
            <span>{failure === 'load' ? t.failed : t.endFailed}</span>
          </p>
        )}
      </div>
      {isOpen && sessions && (
        <ul className="devices">
          {sessions.map((session) => (
            <Session key={session.id} session={session} isBusy={isBusy} onEnd={() => void end(() => client.endSession(session.id))} />
          ))}
        </ul>
      )}
      <div className="card-foot">
        <button type="button" className="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {icons.devices}
          {isOpen ? t.hideDevices : t.showDevices}
        </button>
        {isOpen && others.length > 0 && (
          <button type="button" className="button" aria-disabled={isBusy} onClick={() => void end(() => client.logout({ scope: 'others' }))}>
            {icons.out}
            {t.endOthers}
          </button>
        )}
      </div>
    </section>
  );
}

function Session({ session, isBusy, onEnd }: { session: AuthSession; isBusy: boolean; onEnd: () => void }) {
  const { language, t } = useTexts();
  const name = t.device(deviceOf(session.user_agent));
  const at = new Date(session.last_used_at);
  const time = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(at);
  return (
    <li>
      <div>
        <p className="device">
          <b title={session.user_agent}>{name}</b>
          {session.current && <span className="badge good">{t.thisDevice}</span>}
        </p>
        <p className="note">
          <time dateTime={session.last_used_at}>{t.lastUsed(time)}</time>
          {session.ip_prefix && ` · ${session.ip_prefix}`}
        </p>
      </div>
      {!session.current && (
        <button type="button" className="button" aria-disabled={isBusy} aria-label={t.endDevice(name)} onClick={onEnd}>
          {t.logout}
        </button>
      )}
    </li>
  );
}
