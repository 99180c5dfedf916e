/** The tour: what to try, with what has been done ticked off. */

import { useSyncExternalStore } from 'react';
import type { Demo } from './demo.js';
import { icons } from './icons.js';
import { useTexts } from './language.js';
import { TOUR } from './tour.js';

export function Tour({ demo }: { demo: Demo }) {
  const { t } = useTexts();
  const done = useSyncExternalStore(demo.tour.subscribe, demo.tour.get);
  return (
    <div className="steps">
      <h3>
        {t.steps} <span className="progress">{t.progress(done.length, TOUR.length)}</span>
      </h3>
      <ol>
        {TOUR.map((step, index) => (
          <li key={step} data-done={done.includes(step)}>
            <span className="tick" aria-hidden="true">
              {done.includes(step) ? icons.check : index + 1}
            </span>
            <span>
              {t.stepList[step]}
              {done.includes(step) && <span className="unseen"> ({t.done})</span>}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}
