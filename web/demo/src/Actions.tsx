/** Buttons that call the API, and the requests that they caused. */

import { type ReactNode, useState } from 'react';
import type { Demo } from './demo.js';
import { icons } from './icons.js';
import type { Step } from './journal.js';
import { useTexts } from './language.js';

export function Actions({ demo }: { demo: Demo }) {
  const { t } = useTexts();
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<{ steps: Step[]; isForced: boolean } | null>(null);
  async function call(times: number, isForced: boolean) {
    if (isBusy) return;
    setBusy(true);
    setResult({ steps: await demo.call(times, isForced), isForced });
    setBusy(false);
  }
  return (
    <section className="card" aria-labelledby="actions">
      <div className="card-head">
        <h2 id="actions">{t.actions}</h2>
      </div>
      <div className="actions">
        <Action icon={icons.arrow} name={t.call} hint={t.callHint} isBusy={isBusy} onClick={() => void call(1, false)} />
        <Action icon={icons.expired} name={t.expireAndCall} hint={t.expireAndCallHint} isBusy={isBusy} onClick={() => void call(1, true)} />
        <Action icon={icons.burst} name={t.twenty} hint={t.twentyHint} isBusy={isBusy} onClick={() => void call(20, true)} />
        <a className="action" href="/" target="_blank" rel="noopener" onClick={demo.tour.open}>
          <Face icon={icons.tab} name={t.newTab} hint={t.newTabHint} />
          <span className="unseen">{t.opensTab}</span>
        </a>
      </div>
      <div className="result">
        <h3 className="unseen">{t.result}</h3>
        <div role="status" aria-live="polite">
          {result ? <Flow steps={result.steps} /> : <p className="note">{t.resultEmpty}</p>}
          {result?.isForced && <p className="note">{t.simulatedNote}</p>}
        </div>
      </div>
    </section>
  );
}

interface FaceProps {
  icon: ReactNode;
  name: string;
  hint: string;
}

function Face({ icon, name, hint }: FaceProps) {
  return (
    <>
      {icon}
      <span>
        <b>{name}</b>
        <small>{hint}</small>
      </span>
    </>
  );
}

function Action({ isBusy, onClick, ...face }: FaceProps & { isBusy: boolean; onClick: () => void }) {
  return (
    <button type="button" className="action" aria-disabled={isBusy} onClick={onClick}>
      <Face {...face} />
    </button>
  );
}

/** As in `20 × 401 → 1 × refresh → 20 × 200`. */
function Flow({ steps }: { steps: Step[] }) {
  const { t } = useTexts();
  if (steps.length === 0) return <p className="note">{t.resultNone}</p>;
  return (
    <ol className="flow">
      {steps.map((step) => (
        <li key={`${step.what} ${step.status}`} className={tone(step)}>
          <b>
            {step.count} × {t.step(step)}
          </b>
          <small>{t.stepRole[step.what]}</small>
        </li>
      ))}
    </ol>
  );
}

function tone({ what, status }: Step): string {
  if (status === null || status >= 400) return 'bad';
  return what === 'refresh' ? 'new' : 'good';
}
