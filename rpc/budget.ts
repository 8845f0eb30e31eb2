/**
 * What clients make the node hold at this moment: bodies that are not read to their end, requests that wait, answers
 * that nobody takes. Each has a limit of its own, but a thousand connections at that limit would be gigabytes; so all
 * of them share one budget. Who goes beyond it pays for it: the one that holds most for longest is cut, never the one
 * whose small request happens to come last.
 */
export interface Hold {
  /** It holds so many bytes now. May cut others, or itself. */
  set(bytes: number): void;
  /** It holds nothing any more, and is not cut any more. */
  release(): void;
}

export interface Budget {
  /** @param cut ends the connection; called at most once, and what it held does not count from then on */
  hold(cut: () => void): Hold;
  readonly bytes: number;
}

interface Held {
  bytes: number;
  since: number;
  isOver: boolean;
  readonly cut: () => void;
}

/** Time counts up to this: who is busy all day with little is no better target than who came with much just now. */
const MAX_AGE_MS = 10_000;

/**
 * @param freeBytes what anybody may hold uncounted: a usual call and its answer
 * @param now monotone milliseconds
 */
export function createBudget(
  limitBytes: number,
  freeBytes: number,
  now: () => number = () => performance.now(),
): Budget {
  const holders = new Set<Held>();
  let bytes = 0;

  /** One alone stays, whatever it holds: that has a limit of its own. */
  function cutDown(): void {
    while (bytes > limitBytes && holders.size > 1) {
      const held = heaviest();
      held.isOver = true;
      forget(held);
      held.cut();
    }
  }

  function heaviest(): Held {
    const time = now();
    const weight = (held: Held): number => held.bytes * (1 + Math.min(time - held.since, MAX_AGE_MS));
    return [...holders].reduce((most, held) => (weight(held) > weight(most) ? held : most));
  }

  function forget(held: Held): void {
    if (holders.delete(held)) bytes -= held.bytes;
    held.bytes = 0;
  }

  return {
    hold(cut) {
      const held: Held = { bytes: 0, since: 0, isOver: false, cut };
      return {
        set(holding) {
          if (held.isOver) return;
          const isNew = !holders.has(held);
          forget(held);
          if (holding <= freeBytes) return;
          if (isNew) held.since = now();
          held.bytes = holding;
          holders.add(held);
          bytes += holding;
          cutDown();
        },
        release() {
          held.isOver = true;
          forget(held);
        },
      };
    },
    get bytes() {
      return bytes;
    },
  };
}
