/**
 * npm run mutants [-- --from SEED] [-- --only PART_OF_A_NAME]
 * Breaks the core and its shell in each way of list.ts and shows which invariant of the simulator notices, and at
 * which of 1,000 seeds. A survivor is a hole in the simulator: exit code 1.
 */
import { parseArgs } from 'node:util';
import { runJobs } from '../../support/jobs.ts';
import type { Kill } from './hunt.ts';
import { MUTANTS } from './list.ts';
import type { MutantJob } from './worker.ts';

const SEEDS = 1_000;

const USAGE = 'usage: npm run mutants [-- --from SEED] [--only PART_OF_A_NAME]';

const { from, only } = readOptions();
const chosen = MUTANTS.filter(({ name }) => name.includes(only));
if (chosen.length === 0) refuse(`no mutant's name has "${only}" in it`);
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

function readOptions(): { from: number; only: string } {
  try {
    const { values } = parseArgs({
      options: { from: { type: 'string', default: '1' }, only: { type: 'string', default: '' } },
    });
    const seed = Number(values.from);
    if (!/^\d+$/.test(values.from) || !Number.isSafeInteger(seed + SEEDS))
      refuse(`--from is a whole number with ${SEEDS} more after it, not "${values.from}"`);
    return { from: seed, only: values.only };
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(why: string): never {
  console.error(`${why}\n${USAGE}`);
  process.exit(2);
}
