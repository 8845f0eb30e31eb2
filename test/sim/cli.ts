/**
 * npm run sim -- --seeds FROM..TO            runs a range and closes with "N passed, N failed"
 * npm run sim -- --seeds FROM..TO --real     the same with real BLS signatures and the real EVM
 * npm run sim -- --twins N                   cases of two processes with one key, on 4 and 7 validators
 * npm run sim -- --seed N [--real]           replays one seed and prints every drawn option and every step
 * Ranges may follow one another: --seeds 1..10000 --real --seeds 1..200 runs the second one real. All processors are used.
 */

import { runJobs } from '../support/jobs.ts';
import { type Range, readArguments } from './arguments.ts';
import { INVARIANTS } from './invariants.ts';
import { optionsOf, type SimMode } from './options.ts';
import { createRealKit } from './real-kit.ts';
import { simulate } from './simulate.ts';
import type { SimJob, SimReport } from './worker.ts';

const USAGE =
  'usage: npm run sim -- --seeds FROM..TO [--real] ... | --twins N | --seed N [--real | --twins] | --invariants';

async function replay({ mode, seed }: SimJob): Promise<number> {
  const options = optionsOf(mode, seed);
  console.log(JSON.stringify(options, null, 2));
  const kit = mode === 'real' ? { createKit: createRealKit } : {};
  const result = await simulate(options, { ...kit, verbose: true }).catch((error: Error) => error);
  if (result instanceof Error) {
    console.log(`seed ${seed}: FAILED\n  ENDED EARLY: ${result.message}`);
    return 1;
  }
  for (const line of result.log) console.log(line);
  console.log(
    `seed ${seed}: ${result.passed ? 'passed' : 'FAILED'}, height ${result.height}, highest round ${result.maxRound}, ${result.events} events, digest ${result.digest}`,
  );
  for (const problem of result.problems) console.log(`  ${problem}`);
  return result.passed ? 0 : 1;
}

const FLAG: Readonly<Record<SimMode, string>> = { fast: '', real: ' --real', twins: ' --twins' };

const KIND: Readonly<Record<SimMode, string>> = {
  fast: 'with fast signatures',
  real: 'with real signatures and the real EVM',
  twins: 'of twins',
};

/** Made one by one: a range may be as long as anybody has patience for. */
function* jobsOf(ranges: readonly Range[]): Generator<SimJob> {
  for (const { mode, from, to } of ranges) for (let seed = from; seed <= to; seed++) yield { mode, seed };
}

async function runAll(ranges: readonly Range[]): Promise<number> {
  const total = ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  const started = performance.now();
  const cpuBefore = process.cpuUsage();
  const counts = { passed: 0, failed: 0, events: 0, heights: 0, accused: 0 };
  await runJobs<SimJob, SimReport>(
    new URL('./worker.js', import.meta.url),
    jobsOf(ranges),
    ({ mode, seed }, report) => {
      counts.events += report.events;
      counts.heights += report.height;
      counts.accused += report.accused;
      if (report.problems.length === 0) counts.passed++;
      else {
        counts.failed++;
        console.log(`seed ${seed} FAILED (replay: npm run sim --${FLAG[mode]} --seed ${seed})`);
        console.log(`  options: ${JSON.stringify(report.options)}`);
        for (const problem of report.problems) console.log(`  ${problem}`);
      }
      const done = counts.passed + counts.failed;
      if (done % 1_000 === 0) console.log(`... ${done} of ${total} seeds, ${counts.failed} failed`);
    },
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const { user, system } = process.cpuUsage(cpuBefore);
  const cpuSeconds = ((user + system) / 1e6).toFixed(1);
  const kinds = ranges.map(({ mode, from, to }) => `${to - from + 1} ${KIND[mode]}`).join(', ');
  console.log(
    `${total} networks (${kinds}), ${counts.heights} heights, ${counts.events} events, ${counts.accused} liars caught, ${seconds} s (${cpuSeconds} s of CPU)`,
  );
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed === 0 ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  const asked = readArguments(args);
  switch (asked.kind) {
    case 'wrong':
      console.error(`${asked.reason}\n${USAGE}`);
      return 2;
    case 'invariants':
      for (const [name, meaning] of Object.entries(INVARIANTS)) console.log(`${name.padEnd(24)} ${meaning}`);
      return 0;
    case 'replay':
      return await replay(asked);
    case 'ranges':
      return await runAll(asked.ranges);
  }
}

process.exitCode = await main(process.argv.slice(2));
