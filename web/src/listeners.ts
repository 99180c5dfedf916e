/** Sets of listeners. */

/** For a set of listeners: the function that adds one, and returns a function that removes it. */
export function addTo<Listener>(listeners: Set<Listener>) {
  return (listener: Listener) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
}
