/** A thread of `npm run fuzz`: one decoder after the other, each in an isolate of which it is the only load. */
import { serveJobs } from '../support/jobs.ts';
import { readCorpus } from './corpus.ts';
import { BrokenPromise, type FuzzRun, fuzz } from './fuzz.ts';
import { TARGETS } from './targets.ts';

export interface FuzzJob {
  readonly name: string;
  readonly seed: number;
  readonly milliseconds: number;
}

export type FuzzResult =
  | ({ readonly ok: true } & FuzzRun)
  | { readonly ok: false; readonly message: string; readonly input: string | undefined };

serveJobs(async ({ name, seed, milliseconds }: FuzzJob): Promise<FuzzResult> => {
  const target = TARGETS.find((one) => one.name === name)!;
  try {
    return {
      ok: true,
      ...fuzz(target, readCorpus(name), { seed, count: Number.POSITIVE_INFINITY, milliseconds }),
    };
  } catch (error) {
    const input = error instanceof BrokenPromise ? error.input : undefined;
    return { ok: false, message: (error as Error).message, input };
  }
});
