/**
 * npm run mutants [-- --from SEED] [-- --only PART_OF_A_NAME]
 * Breaks the core and its shell in each way of list.ts and shows which invariant of the simulator notices, and at
 * which of 1,000 seeds. A survivor is a hole in the simulator: exit code 1.
 */
import { runJobs } from '../../support/jobs.ts';
import type { Kill } from './hunt.ts';
import { MUTANTS } from './list.ts';
import type { MutantJob } from './worker.ts';

const SEEDS = 1_000;

const args = process.argv.slice(2);
const argument = (flag: string): string | undefined => {
  const at = args.indexOf(flag);
  return at < 0 ? undefined : args[at + 1];
};
const from = Number(argument('--from') ?? 1);
const only = argument('--only') ?? '';
if (!Number.isSafeInteger(from) || from < 0 || (args.length > 0 && !args[0]!.startsWith('--'))) {
  console.error('usage: npm run mutants [-- --from SEED] [--only PART_OF_A_NAME]');
  process.exit(2);
}

const chosen = MUTANTS.filter(({ name }) => name.includes(only));
const kills = new Map<string, Kill | undefined>();
const started = performance.now();
await runJobs<MutantJob, { kill: Kill | undefined }>(
  new URL('./worker.js', import.meta.url),
  chosen.map((mutant) => ({ mutant, from, count: SEEDS })),
  ({ mutant }, { kill }) => {
    kills.set(mutant.name, kill);
    console.log(`${mutant.name}: ${kill === undefined ? 'SURVIVED' : `seed ${kill.seed}: ${kill.problem}`}`);
  },
);

const width = Math.max(...chosen.map(({ name }) => name.length));
console.log(`\n${'mutant'.padEnd(width)}  ${'killed by'.padEnd(24)} seed`);
for (const { name } of chosen) {
  const kill = kills.get(name);
  const by = kill === undefined ? 'SURVIVED' : kill.problem.slice(0, kill.problem.indexOf(':'));
  console.log(`${name.padEnd(width)}  ${by.padEnd(24)} ${kill?.seed ?? '-'}`);
}
const survivors = chosen.filter(({ name }) => kills.get(name) === undefined).length;
console.log(
  `\n${chosen.length} mutants, ${chosen.length - survivors} killed within ${SEEDS} seeds from ${from}, ${survivors} survived, ${((performance.now() - started) / 1000).toFixed(0)} s`,
);
process.exitCode = survivors === 0 ? 0 : 1;
