/**
 * npm run conformance:evm -- --seeds FROM..TO     random transactions and programs on our machine, as traces run them,
 *                                                 and on a stock node of the library; a seed is about eight cases
 * npm run conformance:evm -- --seed N             one of them
 * A failing case is made smaller and printed as a state test.
 */
import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.ts';

const USAGE = 'usage: npm run conformance:evm -- [--seeds FROM..TO | --seed N]';
/** After so many failing seeds the rest would hardly say more. */
const MOST_FAILURES = 10;

function refuse(message: string): never {
  console.error(`${message}\n${USAGE}`);
  process.exit(2);
}

function range(): [from: number, to: number] {
  let values: { seeds?: string; seed?: string };
  try {
    ({ values } = parseArgs({ options: { seeds: { type: 'string' }, seed: { type: 'string' } } }));
  } catch (error) {
    return refuse((error as Error).message);
  }
  const text = values.seed === undefined ? (values.seeds ?? '1..500') : `${values.seed}..${values.seed}`;
  const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(text)?.map(Number) ?? [];
  if (from === undefined || to === undefined || from > to) return refuse(`no range of seeds: ${text}`);
  return [from, to];
}

const [from, to] = range();
let failures = 0;
let seeds = 0;
function* numbers(): Generator<number> {
  for (let seed = from; seed <= to && failures < MOST_FAILURES; seed++) {
    seeds++;
    yield seed;
    if (seeds % 200 === 0) console.log(`... ${seeds} of ${to - from + 1} seeds, ${failures} failed`);
  }
}

const started = performance.now();
const report = await runCampaign(numbers(), {
  onFailure({ seed, difference, stateTest }) {
    failures++;
    console.log(`seed ${seed} FAILED (replay: npm run conformance:evm -- --seed ${seed})`);
    console.log(`  ${difference}`);
    console.log(`  ${stateTest}`);
  },
});
const seconds = ((performance.now() - started) / 1000).toFixed(1);
const cpu = (process.cpuUsage().user / 1_000_000).toFixed(1);
console.log(
  `${report.cases} cases in ${seconds} s (${cpu} s of CPU): ${report.succeeded} succeeded, ${report.failed} failed alike, ${report.refused} were refused; ${report.steps} instructions of traces compared`,
);
console.log(`${seeds - failures} passed, ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
