/** Switches that break something: this page's network, which is simulated, and the server, which is not. */

import { useState, useSyncExternalStore } from 'react';
import type { Demo } from './demo.js';
import type { Fault } from './faults.js';
import { FAULT_ICONS, icons } from './icons.js';
import { useTexts } from './language.js';

export function FaultSwitches({ demo }: { demo: Demo }) {
  const { t } = useTexts();
  const faults = useSyncExternalStore(demo.faults.subscribe, demo.faults.get);
  const [hasFailed, setFailed] = useState(false);
  const change = (fault: Fault, on: boolean) => demo.setFault(fault, on).then(() => setFailed(false), () => setFailed(true));
  return (
    <section className="card" aria-labelledby="faults">
      <div className="card-head">
        <h2 id="faults">{t.faults}</h2>
      </div>
      <div role="status" aria-live="polite">
        {hasFailed && (
          <p className="alert">
            {icons.alert}
            <span>{t.faultFailed}</span>
          </p>
        )}
      </div>
      <div className="switches">
        {demo.faults.all.map((fault) => (
          <button
            key={fault}
            type="button"
            className="switch"
            role="switch"
            aria-checked={faults[fault]}
            aria-label={t.fault[fault]}
            aria-describedby={`hint-${fault}`}
            onClick={() => void change(fault, !faults[fault])}
          >
            {FAULT_ICONS[fault]}
            <span>
              <b>
                {t.fault[fault]}
                {fault === 'offline' && <span className="badge quiet">{t.simulated}</span>}
              </b>
              <small id={`hint-${fault}`}>{t.faultHint[fault]}</small>
            </span>
            <span className="knob" aria-hidden="true" />
          </button>
        ))}
      </div>
      <p className="note">{t.faultsNote}</p>
    </section>
  );
}
