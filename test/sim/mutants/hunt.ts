/** Runs seeds through a mutated network until an invariant breaks. */
import { pathToFileURL } from 'node:url';
import type * as Target from './target.ts';

export interface Kill {
  readonly seed: number;
  /** Name of the invariant, then what was seen. */
  readonly problem: string;
}

/** So many seeds reach every line of the algorithm many times over; a mutant that never takes one is found by that. */
const COVERAGE_SEEDS = 400;

/** A lock against an older polka takes a liar or much bad luck: too rare to conclude from its absence. */
const RARE = 'L32 prevote nil against lock';

/** The first seed of `from` and `count` that notices; undefined if the mutant survives them all. */
export async function hunt(file: string, from: number, count: number): Promise<Kill | undefined> {
  const { simulate, drawOptions, BRANCHES, SKIP } = (await import(pathToFileURL(file).href)) as typeof Target;
  const lines = [...BRANCHES.filter((branch) => branch !== RARE), SKIP];
  const reached = new Set<string>();
  for (let seed = from; seed < from + count; seed++) {
    const result = await simulate(drawOptions(seed));
    if (result.problems[0] !== undefined) return { seed, problem: result.problems[0] };
    for (const line of result.lines) reached.add(line);
    const missing = lines.filter((line) => !reached.has(line));
    if (seed === from + COVERAGE_SEEDS - 1 && missing.length > 0)
      return { seed, problem: `LINE NOT REACHED: ${missing.join(', ')} in ${COVERAGE_SEEDS} seeds` };
  }
  return undefined;
}
