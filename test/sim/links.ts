/** Whether a message gets from one node to another, and after how long. */
import type { SimOptions } from './options.ts';
import type { Rng } from './random.ts';
import type { World } from './world.ts';

export interface Links {
  /** Delays of the copies that arrive; none if the message is lost. */
  delays(from: string, to: string): number[];
  /** No more loss, and no message takes longer than SimOptions.calmDelayMs. */
  calm(): void;
}

/** @param every repeats something at random times until the storm is over */
export function createLinks(parts: {
  readonly options: SimOptions;
  readonly rng: Rng;
  readonly world: World;
  readonly names: readonly string[];
  readonly every: (meanMs: number, work: () => void) => void;
}): Links {
  const { options, rng, world, names } = parts;
  /** Side of each node while a partition lasts. */
  let sides: ReadonlyMap<string, number> | undefined;
  /** from>to of clogged links, and until when. */
  const clogs = new Map<string, number>();
  let isCalm = false;

  parts.every(options.partitionEveryMs, () => {
    if (sides !== undefined || names.length < 2) return;
    sides = drawSides();
    world.note('partition');
    world.at(world.nowMs() + rng.between(1, options.partitionMs), () => {
      sides = undefined;
    });
  });
  parts.every(options.clogEveryMs, () => {
    if (names.length < 2) return;
    const from = rng.pick(names);
    const to = rng.pick(names.filter((name) => name !== from));
    clogs.set(`${from}>${to}`, world.nowMs() + rng.between(1, options.clogMs));
  });

  const drawSides = (): ReadonlyMap<string, number> => {
    switch (options.partitionShape) {
      case 'uniform':
        return new Map(names.map((name) => [name, rng.int(2)]));
      case 'isolate one': {
        const alone = rng.pick(names);
        const side = rng.int(2);
        return new Map(names.map((name) => [name, name === alone ? side : 1 - side]));
      }
      case 'by size': {
        const size = rng.between(1, names.length - 1);
        const order = names.map((name) => ({ name, key: rng.unit() })).sort((a, b) => a.key - b.key);
        return new Map(order.map(({ name }, i) => [name, i < size ? 0 : 1]));
      }
    }
  };

  const isCut = (from: string, to: string): boolean => {
    if (sides === undefined) return false;
    const [a, b] = [sides.get(from)!, sides.get(to)!];
    return options.partitionOneWay ? a < b : a !== b;
  };

  return {
    delays(from, to) {
      const [low, high] = options.delayMs;
      if (isCalm)
        return [
          rng.between(options.calmDelayMs > 100 ? (options.calmDelayMs * 3) >> 2 : 1, options.calmDelayMs),
        ];
      if (isCut(from, to) || rng.chance(options.lossChance)) return [];
      const heldMs = Math.max(0, (clogs.get(`${from}>${to}`) ?? 0) - world.nowMs());
      const one = () =>
        heldMs +
        rng.between(low, high) +
        (rng.chance(options.stragglerChance) ? rng.int(options.stragglerMs) : 0);
      return rng.chance(options.duplicateChance) ? [one(), one()] : [one()];
    },
    calm() {
      isCalm = true;
      sides = undefined;
      clogs.clear();
    },
  };
}
