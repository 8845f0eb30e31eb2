/**
 * npm run fuzz [-- --seconds S] [--only NAME] [--seed N]
 * Each decoder for S seconds (2 by default), one on each processor at a time. An input that breaks a promise is
 * printed, and saved in its corpus.
 */
import { parseArgs } from 'node:util';
import { runJobs } from '../support/jobs.ts';
import { saveInput } from './corpus.ts';
import { TARGETS } from './targets.ts';
import type { FuzzJob, FuzzResult } from './worker.ts';

/** Longest time for one decoder, in seconds: a day. */
const MOST_SECONDS = 86_400;

const USAGE = 'usage: npm run fuzz [-- --seconds S] [--only NAME] [--seed N]';

const { seconds, seed, targets } = readOptions();

let failed = 0;
console.log(`${targets.length} decoders for ${seconds} s each, seed ${seed}`);
await runJobs<FuzzJob, FuzzResult>(
  new URL('./worker.js', import.meta.url),
  targets.map(({ name }) => ({ name, seed, milliseconds: seconds * 1000 })),
  ({ name }, result) => {
    const { from } = targets.find((one) => one.name === name)!;
    const label = `${name.padEnd(20)} ${from.padEnd(8)}`;
    if (result.ok) return console.log(`${label} ${result.inputs} inputs, ${result.accepted} accepted`);
    failed++;
    const saved = result.input === undefined ? '' : ` (saved in ${saveInput(name, result.input)})`;
    console.log(`${label} FAILED, seed ${seed}: ${result.message}${saved}`);
  },
);
console.log(`${targets.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function readOptions(): { seconds: number; seed: number; targets: typeof TARGETS } {
  try {
    const { values } = parseArgs({
      options: { seconds: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
    });
    const seconds = Number(values.seconds ?? 2);
    if (!(seconds > 0 && seconds <= MOST_SECONDS))
      refuse(`--seconds is a number above 0 and up to ${MOST_SECONDS}, not "${values.seconds}"`);
    const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
    if (!Number.isSafeInteger(seed)) refuse(`--seed is a whole number, not "${values.seed}"`);
    const targets = TARGETS.filter(({ name }) => values.only === undefined || name === values.only);
    if (targets.length === 0)
      refuse(`no decoder "${values.only}"; there are ${TARGETS.map(({ name }) => name).join(', ')}`);
    return { seconds, seed, targets };
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(why: string): never {
  console.error(`${why}\n${USAGE}`);
  process.exit(2);
}
