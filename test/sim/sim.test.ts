import { describe, expect, it } from 'vitest';
import { drawOptions } from './options.ts';
import { simulate } from './simulate.ts';

const FROM = Number(process.env.SIM_FROM ?? 1);
const SEEDS = Number(process.env.SIM_SEEDS ?? 500);

describe('the simulator', () => {
  it(`passes ${SEEDS} seeds from ${FROM}`, async () => {
    const failed: string[] = [];
    let events = 0;
    for (let seed = FROM; seed < FROM + SEEDS; seed++) {
      const result = await simulate(drawOptions(seed));
      events += result.events;
      if (process.env.SIM_VERBOSE)
        console.log(
          seed,
          JSON.stringify({
            n: drawOptions(seed).validators,
            h: result.height,
            r: result.maxRound,
            ev: result.events,
            evi: result.evidence,
            b: result.branches.size,
            p: result.problems,
          }),
        );
      if (!result.passed)
        failed.push(`seed ${seed} (replay: npm run sim -- --seed ${seed}): ${result.problems.join(' | ')}`);
    }
    console.log(`${SEEDS - failed.length} passed, ${failed.length} failed, ${events} events`);
    expect(failed).toEqual([]);
  });
});
