/**
 * npm run fuzz [-- --seconds S] [--only NAME] [--seed N]
 * Each decoder for S seconds (2 by default), one on each processor at a time. An input that breaks a promise is
 * printed, and saved in its corpus.
 */
import { runJobs } from '../support/jobs.ts';
import { saveInput } from './corpus.ts';
import { TARGETS } from './targets.ts';
import type { FuzzJob, FuzzResult } from './worker.ts';

const args = process.argv.slice(2);
const argument = (flag: string): string | undefined => {
  const at = args.indexOf(flag);
  return at < 0 ? undefined : args[at + 1];
};
const seconds = Number(argument('--seconds') ?? 2);
const seed = Number(argument('--seed') ?? Date.now() % 1_000_000_000);
const only = argument('--only');
const targets = TARGETS.filter(({ name }) => only === undefined || name === only);
if (!(seconds > 0) || !Number.isSafeInteger(seed) || targets.length === 0) {
  console.error('usage: npm run fuzz [-- --seconds S] [--only NAME] [--seed N]');
  process.exit(2);
}

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
