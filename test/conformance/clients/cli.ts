/**
 * npm run conformance:clients                    viem, ethers, web3, cast and forge against a devnet of one validator
 * npm run conformance:clients -- CLIENT...       only these
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDevnet } from '../../support/devnet.ts';
import { projectRoot } from '../state/fixtures.ts';
import { CLIENTS } from './run.ts';

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(CLIENTS, name));
if (unknown.length > 0) {
  console.error(`no client ${unknown.join(', ')}; there are ${Object.keys(CLIENTS).join(', ')}`);
  process.exit(2);
}
/** Scenarios that passed before, by client: fewer is a step back. */
const recorded = JSON.parse(
  readFileSync(join(projectRoot(), 'test/conformance/clients/expected.json'), 'utf8'),
) as Record<string, number>;

const devnet = await startDevnet({ validators: 1 });
const total = { passed: 0, failed: 0, skipped: 0 };
let steppedBack = false;
try {
  for (const [index, [name, run]] of Object.entries(CLIENTS).entries()) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const account = devnet.accounts[index];
    const [rpcUrl, wsUrl] = [devnet.rpcUrls[0], devnet.wsUrls[0]];
    if (!account || !rpcUrl || !wsUrl) throw new Error('the devnet has no account or no RPC');
    const { chainId } = devnet;
    const results = await run({ rpcUrl, wsUrl, chainId, privateKey: account.privateKey });
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const result of results) {
      counts[result.outcome] += 1;
      total[result.outcome] += 1;
      const reason = 'reason' in result ? `: ${result.reason}` : '';
      console.log(`${name} ${result.outcome} ${result.name}${reason}`);
    }
    console.log(`${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    const before = recorded[name] ?? 0;
    if (counts.passed >= before) continue;
    steppedBack = true;
    console.log(`${name}: fewer than the ${before} that passed before`);
  }
} finally {
  await devnet.stop();
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || steppedBack ? 1 : 0;
