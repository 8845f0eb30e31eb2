/**
 * npm run fuzz [-- --seconds S] [--only NAME] [--seed N]
 * Each decoder for S seconds (2 by default). An input that breaks a promise is printed, and saved in its corpus.
 */
import { readCorpus, saveInput } from './corpus.ts';
import { BrokenPromise, fuzz } from './fuzz.ts';
import { TARGETS } from './targets.ts';

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
for (const target of targets) {
  try {
    const bounds = { seed, count: Number.POSITIVE_INFINITY, milliseconds: seconds * 1000 };
    const { inputs, accepted } = fuzz(target, readCorpus(target.name), bounds);
    console.log(`${target.name.padEnd(20)} ${target.from.padEnd(8)} ${inputs} inputs, ${accepted} accepted`);
  } catch (error) {
    failed++;
    const saved = error instanceof BrokenPromise ? ` (saved in ${saveInput(target.name, error.input)})` : '';
    console.log(`${target.name.padEnd(20)} FAILED, seed ${seed}: ${(error as Error).message}${saved}`);
  }
}
console.log(`${targets.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
