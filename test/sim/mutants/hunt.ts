/** Runs seeds through a mutated network until an invariant breaks. */
import { pathToFileURL } from 'node:url';
import type * as Target from './target.ts';

export interface Kill {
  readonly seed: number;
  /** Name of the invariant, then what was seen. */
  readonly problem: string;
}

/** So many seeds reach every line of the algorithm many times over; a mutant that never takes one is found by that. */
const COVERAGE_SEEDS = 600;

/** The first seed of `from` and `count` that notices; undefined if the mutant survives them all. */
export async function hunt(file: string, from: number, count: number): Promise<Kill | undefined> {
  const { simulate, drawOptions, BRANCHES } = (await import(pathToFileURL(file).href)) as typeof Target;
  const reached = new Set<string>();
  for (let seed = from; seed < from + count; seed++) {
    const result = await simulate(drawOptions(seed));
    if (result.problems[0] !== undefined) return { seed, problem: result.problems[0] };
    for (const branch of result.branches) reached.add(branch);
    const missing = BRANCHES.filter((branch) => !reached.has(branch));
    if (seed === from + COVERAGE_SEEDS - 1 && missing.length > 0)
      return { seed, problem: `LINE NOT REACHED: ${missing.join(', ')} in ${COVERAGE_SEEDS} seeds` };
  }
  return undefined;
}
