/** Parts of the client that are loaded later. */

import { AuthError } from './types.js';

/** Loads a part once, and again after a failure, which is as an API that cannot be reached. */
export function lazily<Part>(load: () => Promise<Part>): () => Promise<Part> {
  let part: Promise<Part> | undefined;
  return () =>
    (part ??= load().catch((cause: unknown) => {
      part = undefined;
      throw new AuthError('unavailable', 0, cause);
    }));
}
