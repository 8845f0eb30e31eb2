/** Wallet users and developers meet the node through these clients; each does what its users do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCast } from '../clients/cast.ts';
import { runEthers } from '../clients/ethers.ts';
import type { ClientReport, ClientTarget } from '../clients/types.ts';
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

  function check(report: ClientReport, name: string): void {
    expect(report.types).toEqual({ 0: 'success', 1: 'success', 2: 'success', 4: 'success' });
    expect(report.eventTotal).toBe(42n);
    expect(report.moduleError).toEqual({ name: 'UnknownDataNet', argument: '999999' });
    expect(report.dataNetName).toBe(`made with ${name}`);
    expect(report.heads.length).toBeGreaterThanOrEqual(3);
    expect([...report.heads].sort((a, b) => a - b)).toEqual(report.heads);
  }

  it('viem sends every type, deploys, decodes events and errors, and follows heads', async () => {
    check(await runViem(target(0)), 'viem');
  });
  it('ethers 6 sends every type, deploys, decodes events and errors, and follows heads', async () => {
    check(await runEthers(target(1)), 'ethers');
  });
  it('cast sends every type, deploys, decodes events and errors, and reads over WebSocket', async () => {
    check(await runCast(target(2)), 'cast');
  });
});
