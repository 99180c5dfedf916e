/** The time until the access token expires. The ring refills when the client renews the token. */

import { useEffect, useState } from 'react';
import type { Demo } from './demo.js';
import { useTexts } from './language.js';

const TICK_MS = 200;
const NEWS_MS = 2_500;
/** When the client renews: in the last tenth of the token's life, at most a minute before it expires. */
const renewalMs = (life: number) => Math.min(60_000, life / 10);

export function Ring({ demo, isCutOff }: { demo: Demo; isCutOff: boolean }) {
  const { t } = useTexts();
  const [now, setNow] = useState(() => Date.now());
  const [renewedAt, setRenewedAt] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    const deaf = demo.client.on(({ type, via }) => {
      setNow(Date.now());
      if (type === 'refreshed' && via === 'network') setRenewedAt(Date.now());
    });
    return () => {
      clearInterval(timer);
      deaf();
    };
  }, [demo]);

  const life = demo.getLife();
  const left = Math.max(0, (demo.client.expiresAt() ?? now) - now);
  const share = Math.min(1, left / life);
  const isNew = !isCutOff && now - renewedAt < NEWS_MS;
  const renewal = renewalMs(life);
  const note = isNew ? t.renewed : isCutOff ? t.waiting : left === 0 ? t.onDemand : t.renewsAt(Math.round(renewal / 1_000));
  const turn = -360 * (renewal / life);
  return (
    <div className={`time ${isNew ? 'is-new' : ''} ${left <= renewal ? 'is-low' : ''}`}>
      <svg className="ring" viewBox="0 0 64 64" aria-hidden="true" focusable="false">
        <circle className="track" cx="32" cy="32" r="27" />
        {/* It runs down clockwise, so what is left ends at twelve o'clock. */}
        <circle className="left" cx="32" cy="32" r="27" pathLength="100" strokeDasharray={`${share * 100} 100`} transform="rotate(-90 32 32) scale(1 -1) translate(0 -64)" />
        <path className="mark" d="M32 2v6" transform={`rotate(${turn} 32 32)`} />
        <text x="32" y="38.5" textAnchor="middle">{Math.ceil(left / 1_000)}</text>
      </svg>
      <div>
        <p className="label">
          {t.tokenLeft}
          <span className="unseen">
            {' '}
            {Math.ceil(left / 1_000)}
            {t.seconds}
          </span>
        </p>
        <p className="note">{note}</p>
      </div>
    </div>
  );
}
