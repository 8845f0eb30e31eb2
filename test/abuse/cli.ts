/**
 * npm run abuse                                       60 s of hostile inputs from 200 connections to a validator
 * npm run abuse -- --seconds N --connections N --rounds N     several in a row: does memory grow with each?
 */
import { parseArgs } from 'node:util';
import { runAbuse } from './run.ts';
import { complaints } from './verdict.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    connections: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '1' },
  },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const rounds = Number(values.rounds);
const isCount = (n: number): boolean => Number.isSafeInteger(n) && n > 0;
if (!(seconds > 0) || !isCount(connections) || !isCount(rounds)) {
  console.error('--seconds, --connections and --rounds are positive numbers');
  process.exit(2);
}
const log = console.log;
const report = await runAbuse({ seconds, connections, rounds, calmSeconds: 15, settle: true, log });
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
  const { start } = report.memory;
  const told = (bytes: number) => `${Math.round(bytes / 1e6)} MB (${(bytes / start).toFixed(2)}x)`;
  console.log('resident memory as the system tells it, with no forced collection:');
  console.log(
    `  ${told(start)} before, when each kind of heavy call was answered once and the node has rested`,
  );
  for (const { highest, end, rested } of report.memory.rounds)
    console.log(`  ${told(highest)} at most, ${told(end)} when the attack ends, ${told(rested)} 30 s later`);
}
const problems = complaints(report);
for (const problem of problems) console.log(`FAILED: ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);
