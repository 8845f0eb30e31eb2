/**
 * Finality as a user meets it: four validators as processes on this machine; the time from sending a signed transfer
 * to one node until a *different* node answers with the receipt of a certified block.
 */
import { createPublicClient, createWalletClient, defineChain, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { followHeads, rpc, startDevnet } from '../support/devnet.ts';
import type { BenchRow } from './types.ts';

const WARM_UP = 3;
const SAMPLES = 200;

export async function run(): Promise<BenchRow[]> {
  const devnet = await startDevnet();
  try {
    const chain = defineChain({
      id: devnet.chainId,
      name: 'devnet',
      nativeCurrency: { name: 'OPEN', symbol: 'OPEN', decimals: 18 },
      rpcUrls: { default: { http: [devnet.rpcUrls[0]] } },
    });
    const account = privateKeyToAccount(devnet.accounts[0].privateKey);
    const wallet = createWalletClient({ account, chain, transport: http(devnet.rpcUrls[0]) });
    const client = createPublicClient({ chain, transport: http(devnet.rpcUrls[0]) });
    const fees = await client.estimateFeesPerGas();
    let nonce = await client.getTransactionCount({ address: account.address });
    const waiting = new Map<string, (atMs: number) => void>();
    const close = await followHeads(devnet.wsUrls[1], async (head) => {
      const block = await rpc<{ transactions: string[] } | null>(devnet.rpcUrls[1], 'eth_getBlockByHash', [
        head.hash,
        false,
      ]);
      for (const hash of block?.transactions ?? []) {
        if (!waiting.has(hash)) continue;
        const receipt = await rpc<{ status: string } | null>(devnet.rpcUrls[1], 'eth_getTransactionReceipt', [
          hash,
        ]);
        if (receipt?.status !== '0x1') throw new Error(`transfer ${hash} has no good receipt`);
        waiting.get(hash)?.(performance.now());
      }
    });
    const times: number[] = [];
    // The first ones meet a network whose nodes are still finding each other; they are told apart.
    for (let sample = 0; sample < WARM_UP + SAMPLES; sample += 1) {
      const raw = await wallet.signTransaction({
        to: account.address,
        value: 1n,
        gas: 21_000n,
        nonce: nonce++,
        maxFeePerGas: fees.maxFeePerGas * 2n,
        maxPriorityFeePerGas: fees.maxPriorityFeePerGas,
        type: 'eip1559',
      });
      const { keccak256 } = await import('viem');
      const certified = new Promise<number>((resolve) => waiting.set(keccak256(raw), resolve));
      const sent = performance.now();
      await rpc(devnet.rpcUrls[0], 'eth_sendRawTransaction', [raw]);
      times.push((await certified) - sent);
    }
    close();
    const first = times[0]!;
    times.splice(0, WARM_UP);
    times.sort((a, b) => a - b);
    const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
    return [
      { name: 'finality, 4 validators, first transfer after the start', value: first, unit: 'ms' },
      { name: 'finality, 4 validators, p50', value: at(0.5), unit: 'ms' },
      { name: 'finality, 4 validators, p99', value: at(0.99), unit: 'ms' },
    ];
  } finally {
    await devnet.stop();
  }
}
