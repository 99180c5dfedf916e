/** Results and durations as text, in any language. */

import type { Step } from '../journal.js';

/** As in `20 × 401 → 1 × refresh → 20 × 200`. */
export function flow(steps: Step[], texts: { step(step: Step): string }): string {
  return steps.map((step) => `${step.count} × ${texts.step(step)}`).join(' → ');
}

/** As in `1 h 31 min`. */
export function ahead(seconds: number, hour: string, minute: string, second: string): string {
  const parts: [number, string][] = [[Math.floor(seconds / 3_600), hour], [Math.floor((seconds % 3_600) / 60), minute], [seconds % 60, second]];
  return parts.filter(([count]) => count > 0).map(([count, unit]) => count + unit).join(' ');
}
