/** Switches that simulate faults in this page's `fetch`. */

import { useSyncExternalStore } from 'react';
import type { Demo } from './demo.js';
import { icons } from './icons.js';
import { useTexts } from './language.js';
import { FAULTS } from './wire.js';

const ICONS = { offline: icons.offline, unavailable: icons.server };

export function FaultSwitches({ demo }: { demo: Demo }) {
  const { t } = useTexts();
  const faults = useSyncExternalStore(demo.wire.subscribe, demo.wire.getFaults);
  return (
    <section className="card" aria-labelledby="faults">
      <div className="card-head">
        <h2 id="faults">{t.faults}</h2>
        <span className="badge quiet">{t.faultsBadge}</span>
      </div>
      <div className="switches">
        {FAULTS.map((fault) => (
          <button
            key={fault}
            type="button"
            className="switch"
            role="switch"
            aria-checked={faults[fault]}
            aria-label={t.fault[fault]}
            aria-describedby={`hint-${fault}`}
            onClick={() => demo.setFault(fault, !faults[fault])}
          >
            {ICONS[fault]}
            <span>
              <b>{t.fault[fault]}</b>
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
