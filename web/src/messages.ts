/** Messages between the tabs of one browser. */

import type { Session } from './session.js';
import type { User } from './types.js';

/** Null or undefined if no session is known. */
export type SessionId = string | null | undefined;

/**
 * `hello`: a new tab asks for the token. `session`: a login or a renewal. `end`: a logout, or the session has expired. `user`: the
 * profile has changed. `sessions-changed`: the user's sessions on other devices have been ended.
 */
export type Message =
  | { type: 'hello' }
  | { type: 'sessions-changed' }
  | { type: 'session'; session: Session }
  | { type: 'end'; id: SessionId }
  | { type: 'user'; user: User };

/** Undefined in Safari before 15.4 and in Firefox without cookies. Tabs then notice each other's logout when they are shown. */
export function openChannel(name: string, receive: (message: Message) => void): BroadcastChannel | undefined {
  try {
    const channel = new BroadcastChannel(name);
    // A channel of Node keeps the process alive, for example that of a test.
    (channel as { unref?(): void }).unref?.();
    channel.onmessage = (event: MessageEvent<Message>) => receive(event.data);
    return channel;
  } catch {
    return undefined;
  }
}
