/** Counts by size, as a histogram is made of: fixed upper bounds in the unit of what is counted. */
export interface Tally {
  readonly bounds: readonly number[];
  /** One for each bound, and one for what is above the last. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface Tallying {
  /** What is no number is not counted. */
  observe(value: number): void;
  read(): Tally;
}

export function createTally(bounds: readonly number[]): Tallying {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  let sum = 0;
  return {
    observe(value) {
      if (!Number.isFinite(value)) return;
      let i = 0;
      while (i < bounds.length && value > (bounds[i] as number)) i += 1;
      counts[i] = (counts[i] as number) + 1;
      sum += value;
    },
    read: () => ({ bounds, counts: [...counts], sum }),
  };
}
