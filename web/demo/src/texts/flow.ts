/** A result as text, in any language. */

import type { Step } from '../journal.js';

/** As in `20 × 401 → 1 × refresh → 20 × 200`. */
export function flow(steps: Step[], texts: { step(step: Step): string }): string {
  return steps.map((step) => `${step.count} × ${texts.step(step)}`).join(' → ');
}
