/**
 * npm run sim -- --seeds FROM..TO   runs a range and closes with "N passed, N failed"
 * npm run sim -- --seed N           replays one seed and prints every drawn option and every step
 */
import { drawOptions } from './options.ts';
import { simulate } from './simulate.ts';

const USAGE = 'usage: npm run sim -- --seeds FROM..TO | --seed N';

function fail(message: string): never {
  console.error(`${message}\n${USAGE}`);
  process.exit(2);
}

async function replay(seed: number): Promise<number> {
  const options = drawOptions(seed);
  console.log(JSON.stringify(options, null, 2));
  const result = await simulate(options, { verbose: true });
  for (const line of result.log) console.log(line);
  console.log(
    `seed ${seed}: ${result.passed ? 'passed' : 'FAILED'}, height ${result.height}, highest round ${result.maxRound}, ${result.events} events, digest ${result.digest}`,
  );
  for (const problem of result.problems) console.log(`  ${problem}`);
  return result.passed ? 0 : 1;
}

async function runRange(from: number, to: number): Promise<number> {
  const started = performance.now();
  let passed = 0;
  let failed = 0;
  let events = 0;
  for (let seed = from; seed <= to; seed++) {
    const result = await simulate(drawOptions(seed));
    events += result.events;
    if (result.passed) passed++;
    else {
      failed++;
      console.log(`seed ${seed} FAILED (replay: npm run sim -- --seed ${seed})`);
      console.log(`  options: ${JSON.stringify(drawOptions(seed))}`);
      for (const problem of result.problems) console.log(`  ${problem}`);
    }
    if ((seed - from + 1) % 500 === 0) console.log(`... ${seed - from + 1} seeds, ${failed} failed`);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`seeds ${from}..${to}, ${events} events in ${seconds} s`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  const [flag, value] = args;
  if (flag === '--seed' && value !== undefined && /^\d+$/.test(value)) return await replay(Number(value));
  const range = flag === '--seeds' ? /^(\d+)\.\.(\d+)$/.exec(value ?? '') : null;
  if (range === null) return fail(args.length === 0 ? 'no seeds given' : `cannot read: ${args.join(' ')}`);
  const [from, to] = [Number(range[1]), Number(range[2])];
  if (to < from) return fail(`${from}..${to} is empty`);
  return await runRange(from, to);
}

process.exitCode = await main(process.argv.slice(2));
