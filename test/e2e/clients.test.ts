/** Wallet users and developers meet the node through these clients; each does what its users do. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { runCast } from '../clients/cast.ts';
import { runEthers } from '../clients/ethers.ts';
import { checkReport } from '../clients/report.ts';
import type { ClientTarget } from '../clients/types.ts';
import { runViem } from '../clients/viem.ts';
import { type RunningDevnet, startDevnet } from '../support/devnet.ts';

describe('clients', () => {
  let devnet: RunningDevnet;
  beforeAll(async () => {
    devnet = await startDevnet();
  });
  afterAll(async () => {
    await devnet?.stop();
  });

  const target = (account: number): ClientTarget => ({
    rpcUrl: devnet.rpcUrls[0],
    wsUrl: devnet.wsUrls[0],
    chainId: devnet.chainId,
    privateKey: devnet.accounts[account].privateKey,
  });

  it('viem sends every type, deploys, decodes events and errors, and follows heads', async () => {
    checkReport(await runViem(target(0)), 'viem');
  });
  it('ethers 6 sends every type, deploys, decodes events and errors, and follows heads', async () => {
    checkReport(await runEthers(target(1)), 'ethers');
  });
  it('cast sends every type, deploys, decodes events and errors, and reads over WebSocket', async () => {
    checkReport(await runCast(target(2)), 'cast');
  });
});
