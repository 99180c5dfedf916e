/** Icons of 20 × 20 units in the colour of the text. All are decoration beside a text that says the same. */

import type { ReactNode } from 'react';
import type { Fault } from './faults.js';

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const icons = {
  arrow: <Icon><path d="M4 10h12M11.5 5.5 16 10l-4.5 4.5" /></Icon>,
  refresh: <Icon><path d="M16 10a6 6 0 1 1-1.8-4.3M16 3.5v3.2h-3.2" /></Icon>,
  expired: <Icon><path d="M10 5.5V10l2.8 1.8M5.2 4.8 15 14.6" /><circle cx="10" cy="10" r="6.5" /></Icon>,
  clock: <Icon><path d="M10 5.5V10l2.8 1.8" /><circle cx="10" cy="10" r="6.5" /></Icon>,
  burst: <Icon><path d="M4 5.5h7M4 10h7M4 14.5h7M13.5 5.5 16 8l-2.5 2.5M16 8h-2" /></Icon>,
  tab: <Icon><path d="M11.5 4H16v4.5M16 4l-6 6M8.5 4.5H5.5a1.5 1.5 0 0 0-1.5 1.5v8.5A1.5 1.5 0 0 0 5.5 16H14a1.5 1.5 0 0 0 1.5-1.5v-3" /></Icon>,
  devices: <Icon><rect x="3" y="4" width="10.5" height="8" rx="1.2" /><path d="M2 15h8" /><rect x="12" y="8.5" width="5" height="8" rx="1.2" /></Icon>,
  download: <Icon><path d="M10 3.5v9M6.5 9.5 10 13l3.5-3.5M4 16.5h12" /></Icon>,
  bin: <Icon><path d="M4 5.5h12M8 5.5V4h4v1.5M5.5 5.5l.8 10a1 1 0 0 0 1 .9h5.4a1 1 0 0 0 1-.9l.8-10M8.5 8.5v5M11.5 8.5v5" /></Icon>,
  out: <Icon><path d="M8.5 4H5.5A1.5 1.5 0 0 0 4 5.5v9A1.5 1.5 0 0 0 5.5 16h3M12.5 6.5 16 10l-3.5 3.5M16 10H8" /></Icon>,
  in: <Icon><path d="M11.5 4h3A1.5 1.5 0 0 1 16 5.5v9a1.5 1.5 0 0 1-1.5 1.5h-3M8.5 6.5 12 10l-3.5 3.5M12 10H4" /></Icon>,
  offline: <Icon><path d="M3.5 8.2a9.5 9.5 0 0 1 4-2.2M16.5 8.2A9.5 9.5 0 0 0 11 5.7M6.3 11.3a5.5 5.5 0 0 1 2-1.2M13.7 11.3l-.5-.4M10 14.5h.01M4 3.5l12 13" /></Icon>,
  server: <Icon><rect x="3.5" y="4" width="13" height="5" rx="1.5" /><rect x="3.5" y="11" width="13" height="5" rx="1.5" /><path d="M6.5 6.5h.01M6.5 13.5h.01" /></Icon>,
  key: <Icon><circle cx="7" cy="13" r="3" /><path d="m9.2 10.8 6.3-6.3M13 7l2 2" /></Icon>,
  thief: <Icon><path d="M10 8.6C8 7 5.2 6.8 2.8 7.4c0 3.6 1.4 6 3.6 6 1.8 0 2.4-1.6 3.6-1.6s1.8 1.6 3.6 1.6c2.2 0 3.6-2.4 3.6-6C14.8 6.8 12 7 10 8.6zM6 10.2h1.4M12.6 10.2H14" /></Icon>,
  link: <Icon><path d="M8.5 11.5a3 3 0 0 0 4.2 0l2.4-2.4a3 3 0 0 0-4.2-4.2L9.8 6M11.5 8.5a3 3 0 0 0-4.2 0l-2.4 2.4a3 3 0 0 0 4.2 4.2l1.1-1.1" /></Icon>,
  alert: <Icon><path d="M10 7v3.5M10 13.5h.01M10 3.5l7 12.5H3z" /></Icon>,
  check: <Icon><path d="m4.5 10.5 3.5 3.5 7.5-8" /></Icon>,
  close: <Icon><path d="m5 5 10 10M15 5 5 15" /></Icon>,
  dot: <Icon><circle cx="10" cy="10" r="2.5" fill="currentcolor" /></Icon>,
  memory: <Icon><rect x="5.5" y="5.5" width="9" height="9" rx="1.5" /><path d="M8 3v2.5M12 3v2.5M8 14.5V17M12 14.5V17M3 8h2.5M3 12h2.5M14.5 8H17M14.5 12H17" /></Icon>,
  storage: <Icon><ellipse cx="10" cy="5.5" rx="6" ry="2.3" /><path d="M4 5.5v9c0 1.3 2.7 2.3 6 2.3s6-1 6-2.3v-9M4 10c0 1.3 2.7 2.3 6 2.3s6-1 6-2.3" /></Icon>,
  code: <Icon><path d="m7 6-4 4 4 4M13 6l4 4-4 4" /></Icon>,
  lock: <Icon><rect x="4.5" y="9" width="11" height="7.5" rx="1.5" /><path d="M7 9V6.5a3 3 0 0 1 6 0V9" /></Icon>,
} satisfies Record<string, ReactNode>;

export const FAULT_ICONS: Record<Fault, ReactNode> = { offline: icons.offline, auth: icons.server, kakao: icons.alert };

/** A plain bubble for this demo. In production use the symbol from Kakao's official resources, which may not be redrawn. */
export function KakaoSymbol() {
  return (
    <svg className="kakao-symbol" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d="M10 2.5c-4.7 0-8.5 3-8.5 6.6 0 2.3 1.5 4.3 3.9 5.5l-.8 2.9c-.1.3.2.5.5.3l3.4-2.2c.5.1 1 .1 1.5.1 4.7 0 8.5-3 8.5-6.6S14.7 2.5 10 2.5z" />
    </svg>
  );
}
