// The longer campaigns (at most 60 minutes on 2 cores): everything `npm test` runs, then more seeds, more random
// settlements and the benchmarks. Closes with the time that each took and one line of counts.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const steps = [
  ['tests', ['scripts/test.mjs']],
  ["Ethereum's state tests (skipped aloud where they are absent)", ['dist/test/conformance/state/cli.js']],
  [
    'random transactions on our machine and on a stock node: 300 seeds',
    ['dist/test/conformance/evm/cli.js', '--seeds', '1..300'],
  ],
  [
    'JSON-RPC exchanges of execution-apis (skipped aloud where they are absent)',
    ['dist/test/conformance/rpc/cli.js'],
  ],
  ['200 blocks of random transactions to anvil and to us', ['dist/test/conformance/anvil/cli.js']],
  ['viem, ethers, web3, cast and forge against a devnet', ['dist/test/conformance/clients/cli.js']],
  ['model traces of Tendermint (skipped aloud where they are absent)', ['dist/test/conformance/itf/cli.js']],
  ['token index on 10,000 corpora', ['dist/test/conformance/tokens/cli.js']],
  [
    'simulator: 10,000 seeds, 200 with real signatures and the real EVM, 200 cases of twins',
    ['dist/test/sim/cli.js', '--seeds', '1..10000', '--twins', '200', '--real', '--seeds', '1..200'],
  ],
  ['networks of real processes by manifest', ['dist/test/networks/cli.js']],
  ['abuse: 60 s of hostile inputs from 200 connections', ['dist/test/abuse/cli.js']],
  ['mutants: every one is killed within 1,000 seeds', ['dist/test/sim/mutants/cli.js']],
  ['fuzz: every decoder for 20 seconds', ['dist/test/fuzz/cli.js', '--seconds', '20']],
  ['gas is time: every operation against its recorded figure', ['dist/test/bench/worst-gas-check.js']],
  ['benchmarks', ['dist/test/bench/index.js']],
];
let passed = 0;
const failed = [];
const times = [];
const begun = process.hrtime.bigint();
for (const [name, args] of steps) {
  const started = process.hrtime.bigint();
  console.log(`\n#### ${name}`);
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
  });
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000_000n);
  console.log(`#### ${name}: ${status === 0 ? 'ok' : 'FAILED'} in ${seconds} s`);
  times.push(`${String(seconds).padStart(5)} s  ${name}`);
  if (status === 0) passed += 1;
  else failed.push(name);
}
const minutes = Number((process.hrtime.bigint() - begun) / 1_000_000_000n) / 60;
console.log(`\n${times.join('\n')}\n${minutes.toFixed(1)} minutes in all`);
if (failed.length > 0) console.log(`failed campaigns: ${failed.join(', ')}`);
console.log(`\n${passed} passed, ${failed.length} failed`);
process.exit(failed.length === 0 ? 0 : 1);
