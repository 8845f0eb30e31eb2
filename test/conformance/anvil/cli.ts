/**
 * npm run conformance:anvil                              200 blocks of up to 16 random transactions to anvil and to us
 * npm run conformance:anvil -- --blocks N --per-block N --seed N
 */
import { parseArgs } from 'node:util';
import { anvilVersion } from './peer.ts';
import { runAgainstAnvil } from './run.ts';

const USAGE = 'usage: npm run conformance:anvil [-- --blocks N] [--per-block N] [--seed N]';

const { seed, blocks, perBlock } = readOptions();
const version = anvilVersion();
if (version === undefined) {
  console.log('SKIPPED: anvil does not run here (its npm package has no program for this platform)');
  process.exit(0);
}
console.log(`${version}, seed ${seed}`);
const report = await runAgainstAnvil({ seed, blocks, perBlock });
for (const text of report.differences) console.log(`DIFFERENT ${text.slice(0, 900)}`);
console.log(
  `${report.transactions} transactions, ${report.reads} reads compared, ${report.differences.length} differences`,
);
process.exitCode = report.differences.length === 0 && report.transactions > 0 ? 0 : 1;

function readOptions(): { seed: number; blocks: number; perBlock: number } {
  try {
    const { values } = parseArgs({
      options: {
        blocks: { type: 'string', default: '200' },
        'per-block': { type: 'string', default: '16' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      },
    });
    return {
      seed: wholeNumber('seed', values.seed, 0),
      blocks: wholeNumber('blocks', values.blocks, 1),
      perBlock: wholeNumber('per-block', values['per-block'], 1),
    };
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`--${name} is a whole number from ${least} on, not "${text}"`);
  return value;
}
