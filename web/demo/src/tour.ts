/** The five steps of the tour, each done once its event has happened. In `sessionStorage`, so for this tab. */

export const TOUR = ['login', 'renew', 'burst', 'leave', 'break'] as const;
export type TourStep = (typeof TOUR)[number];

const KEY = 'demo.tour';

export function createTour() {
  const listeners = new Set<() => void>();
  let done: readonly TourStep[] = remembered();
  let hasOpened = false;

  function tick(step: TourStep) {
    if (done.includes(step)) return;
    done = [...done, step];
    sessionStorage.setItem(KEY, JSON.stringify(done));
    listeners.forEach((listener) => listener());
  }

  return {
    get: () => done,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    tick,
    /** A second tab was opened from here. */
    open: () => void (hasOpened = true),
    /** The user logged out, here or in another tab. With one tab only, there is nothing to see. */
    leave: (via: string) => void ((via === 'tab' || hasOpened) && tick('leave')),
  };
}

function remembered(): TourStep[] {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? '[]') as unknown;
    return TOUR.filter((step) => Array.isArray(kept) && kept.includes(step));
  } catch {
    return [];
  }
}
