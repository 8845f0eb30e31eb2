import { serveJobs } from '../support/jobs.ts';
import { optionsOf, type SimMode, type SimOptions } from './options.ts';
import { createRealKit } from './real-kit.ts';
import { simulate } from './simulate.ts';

export interface SimJob {
  readonly mode: SimMode;
  readonly seed: number;
}

/** What of a result goes from one thread to another. */
export interface SimReport {
  readonly problems: readonly string[];
  readonly events: number;
  readonly height: number;
  readonly accused: number;
  readonly options: SimOptions;
}

/** Every so many seeds one is run twice: same seed, same events. */
const TWICE_EVERY = 25;

serveJobs(async ({ mode, seed }: SimJob): Promise<SimReport> => {
  const options = optionsOf(mode, seed);
  try {
    return await reportOf(options, mode, seed);
  } catch (error) {
    // A run that cannot go on is a failure of its seed, not the end of all others.
    const problem = `ENDED EARLY: ${error instanceof Error ? error.message : String(error)}`;
    return { problems: [problem], events: 0, height: 0, accused: 0, options };
  }
});

async function reportOf(options: SimOptions, mode: SimMode, seed: number): Promise<SimReport> {
  const settings = mode === 'real' ? { createKit: createRealKit } : {};
  const result = await simulate(options, settings);
  const problems = [...result.problems];
  if (seed % TWICE_EVERY === 0 && mode !== 'real') {
    const again = await simulate(options, settings);
    if (again.digest !== result.digest) problems.push(`DIGEST: ${result.digest} and then ${again.digest}`);
  }
  const { events, height, accused } = result;
  return { problems, events, height, accused, options };
}
