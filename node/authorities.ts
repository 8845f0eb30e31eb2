/** The real clock and the real dice. Everything that needs one is given it; only `assemble.ts` makes them. */
import { randomInt } from 'node:crypto';
import type { Clock, Random } from './validator/ports.ts';

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  setTimer(delayMs, run) {
    if (delayMs <= 0) {
      const immediate = setImmediate(run);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

export const systemRandom: Random = { int: (below) => randomInt(below) };
