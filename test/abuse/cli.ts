/**
 * npm run abuse                                       60 s of hostile inputs from 200 connections to a validator
 * npm run abuse -- --seconds N --connections N
 */
import { parseArgs } from 'node:util';
import { INSPECT } from '../networks/heap.ts';
import { runAbuse } from './run.ts';
import { complaints } from './verdict.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    connections: { type: 'string', default: '200' },
  },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);
if (!(seconds > 0) || !Number.isSafeInteger(connections) || connections < 1) {
  console.error('--seconds and --connections are positive numbers');
  process.exit(2);
}
process.env['NODE_OPTIONS'] = INSPECT;
const report = await runAbuse({ seconds, connections, calmSeconds: 15, settle: true, log: console.log });
for (const [name, { right, cut, wrong }] of report.tallies) {
  console.log(`${name}: ${right} answered as they should be, ${cut} cut, ${wrong.length} wrong`);
  for (const text of wrong) console.log(`  ${text}`);
}
console.log(
  `blocks a second: ${report.calmPace.toFixed(2)} before, ${report.pace.toFixed(2)} during; longest gap ${Math.round(report.longestGapMs)} ms`,
);
console.log(
  `eth_blockNumber meanwhile: median ${Math.round(report.medianMs)} ms, worst ${Math.round(report.worstMs)} ms`,
);
if (report.memory === undefined) console.log('skipped: this system does not tell resident memory in /proc');
else {
  const { start, end, uncollected } = report.memory;
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  console.log(
    `resident memory after a forced collection: ${mb(start)} before, ${mb(end)} after: ${(end / start).toFixed(2)}x; ${mb(uncollected)} after, uncollected`,
  );
}
const problems = complaints(report);
for (const problem of problems) console.log(`FAILED: ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);
