/**
 * npm run conformance:anvil                              200 blocks of up to 16 random transactions to anvil and to us
 * npm run conformance:anvil -- --blocks N --per-block N --seed N
 */
import { parseArgs } from 'node:util';
import { anvilVersion } from './peer.ts';
import { runAgainstAnvil } from './run.ts';

const { values } = parseArgs({
  options: {
    blocks: { type: 'string', default: '200' },
    'per-block': { type: 'string', default: '16' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const version = anvilVersion();
if (version === undefined) {
  console.log('SKIPPED: anvil does not run here (its npm package has no program for this platform)');
  process.exit(0);
}
const seed = Number(values.seed);
console.log(`${version}, seed ${seed}`);
const report = await runAgainstAnvil({
  seed,
  blocks: Number(values.blocks),
  perBlock: Number(values['per-block']),
});
for (const text of report.differences) console.log(`DIFFERENT ${text.slice(0, 900)}`);
console.log(
  `${report.transactions} transactions, ${report.reads} reads compared, ${report.differences.length} differences`,
);
process.exitCode = report.differences.length === 0 && report.transactions > 0 ? 0 : 1;
