/** Four validators, each a process of its own, seen only from outside. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Hex } from './support/client.ts';
import { createSender, keepSending, receiptOf } from './support/load.ts';
import { startNetwork, type TestNetwork, type TestNode } from './support/network.ts';

interface BlockSummary {
  hash: Hex;
  stateRoot: Hex;
}

const SHOP: Hex = '0x00000000000000000000000000000000000051ab';
const RECOVERY_MS = 20_000;

describe('a network of four validators', () => {
  let network: TestNetwork;
  let nodes: readonly TestNode[];

  beforeAll(async () => {
    network = await startNetwork({ validators: 4, fullNodes: 1 });
    nodes = network.nodes.slice(0, 4);
  });
  afterAll(() => network?.close());

  const sender = (account: number) =>
    createSender(network.accounts[account]?.privateKey as Hex, network.chainId, SHOP);
  const height = async (node: TestNode) => Number(await node.client.call<Hex>('eth_blockNumber'));
  const reach = (node: TestNode, wanted: number, deadlineMs?: number) =>
    node.client.untilHead((head) => head.number >= wanted, deadlineMs);

  /** Every running node has the same block at every height up to the lowest head. */
  async function expectOneChain(): Promise<void> {
    const running = network.nodes.filter((node) => node.running);
    const top = Math.min(...(await Promise.all(running.map(height))));
    for (let number = 0; number <= top; number++) {
      const tag = `0x${number.toString(16)}`;
      const blocks = await Promise.all(
        running.map((node) => node.client.call<BlockSummary>('eth_getBlockByNumber', tag, false)),
      );
      const [first] = blocks;
      for (const { hash, stateRoot } of blocks)
        expect({ number, hash, stateRoot }).toEqual({
          number,
          hash: first?.hash,
          stateRoot: first?.stateRoot,
        });
    }
  }

  it('makes blocks, the same ones everywhere', async () => {
    await Promise.all(nodes.map((node) => reach(node, 2)));
    await expectOneChain();
  });

  it('shows a transfer that one node was given on all of them', async () => {
    const alice = sender(0);
    const hash = await alice.send(nodes[2]!.client);
    const receipts = await Promise.all(nodes.map((node) => receiptOf(node.client, hash)));
    for (const receipt of receipts)
      expect(receipt).toMatchObject({ status: '0x1', blockHash: receipts[0]?.blockHash });
    expect(BigInt(await nodes[0]!.client.call<Hex>('eth_getBalance', SHOP, 'latest'))).toBe(1n);
  });

  it('goes on while one validator is killed under load, and has it back at the head within 20 s', async () => {
    const bob = sender(1);
    const load = keepSending(bob, () => nodes[0]!.client);
    const before = await height(nodes[1]!);
    await reach(nodes[1]!, before + 2);
    await nodes[3]!.kill();
    const after = await height(nodes[1]!);
    await reach(nodes[1]!, after + 5);
    const began = performance.now();
    await nodes[3]!.start();
    const goal = await height(nodes[0]!);
    await reach(nodes[3]!, goal, RECOVERY_MS);
    expect(performance.now() - began).toBeLessThan(RECOVERY_MS);
    await load.stop();
    for (const hash of bob.acknowledged) await receiptOf(nodes[3]!.client, hash);
    await expectOneChain();
  });

  it('stops without a quorum, goes on with it, and loses nothing that was acknowledged', async () => {
    const carol = sender(2);
    const dave = sender(3);
    // Carol's node dies with her transactions; Dave's stays up without a quorum.
    for (let i = 0; i < 20; i++) await carol.send(nodes[3]!.client);
    await Promise.all([nodes[2]!.kill(), nodes[3]!.kill()]);
    for (let i = 0; i < 20; i++) await dave.send(nodes[0]!.client);
    // What two were deciding together with the dead may still be finished; after that there is silence.
    const silentFrom = await height(nodes[0]!);
    await expect(reach(nodes[0]!, silentFrom + 2, 6_000)).rejects.toThrow('did not happen');

    await nodes[3]!.start();
    for (const hash of [...carol.acknowledged, ...dave.acknowledged]) await receiptOf(nodes[0]!.client, hash);
    await nodes[2]!.start();
    await reach(nodes[2]!, await height(nodes[0]!), RECOVERY_MS);
    await expectOneChain();
  });

  it('is followed by a node without a key, which finds the whole chain and passes transactions on', async () => {
    const follower = network.nodes[4] as TestNode;
    await follower.start();
    await reach(follower, await height(nodes[0]!), RECOVERY_MS);
    const erin = sender(4);
    const hash = await erin.send(follower.client);
    await Promise.all([nodes[1]!, follower].map((node) => receiptOf(node.client, hash)));
    await expectOneChain();
    expect(await follower.stop()).toBe(0);
  });

  it('ends cleanly when it is asked to', async () => {
    expect(await Promise.all(nodes.map((node) => node.stop()))).toEqual([0, 0, 0, 0]);
  });
});
