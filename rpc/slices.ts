/** Long work in one thread, cut so that others get their turn in between. */

/** @returns to be awaited at every step of the work: pauses when a slice of `ms` is used up */
export function createSlices(ms: number): () => Promise<void> | undefined {
  let began = performance.now();
  return () => {
    if (performance.now() - began <= ms) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        began = performance.now();
        resolve();
      });
    });
  };
}
