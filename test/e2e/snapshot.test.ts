/**
 * A node that joins late begins with a snapshot from its peers and then follows; with a block to trust that is not on
 * the chain it says so, takes the blocks instead, and does not follow them past that height.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Hex } from './support/client.ts';
import { startNetwork, type TestNetwork, type TestNode } from './support/network.ts';

const INTERVAL = 5;

let network: TestNetwork;
let nodes: readonly TestNode[];

beforeAll(async () => {
  network = await startNetwork({
    validators: 2,
    fullNodes: 2,
    adjust(genesis) {
      genesis.params.consensus.heartbeatMs = 1_000;
    },
  });
  nodes = network.nodes;
  for (const node of nodes.slice(0, 2)) {
    await node.stop();
    change(node, { snapshots: { interval: INTERVAL } });
  }
  await Promise.all(nodes.slice(0, 2).map((node) => node.start()));
  // Heartbeat blocks are enough; every node makes the same snapshot.
  await nodes[0]!.client.untilHead(({ number }) => number >= 2 * INTERVAL + 2, 120_000);
  for (const node of nodes.slice(0, 2))
    await nodes[0]!.client.until(async () =>
      /made a snapshot height=10/.test(node.log()) ? true : undefined,
    );
});
afterAll(() => network?.close());

function change(node: TestNode, settings: object): void {
  const path = join(node.home, 'config.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...settings }));
}
const blockAt = (height: number) =>
  nodes[0]!.client.call<{ hash: Hex; stateRoot: Hex }>(
    'eth_getBlockByNumber',
    `0x${height.toString(16)}`,
    false,
  );

describe('a node that joins late', () => {
  it('begins with a snapshot of its peers, checked from a trusted block, and follows', async () => {
    const late = nodes[2]!;
    change(late, { trustHeight: 3, trustHash: (await blockAt(3)).hash });
    await late.start();
    expect(late.log()).toMatch(/restored from a snapshot height=\d+ hash=0x[0-9a-f]{64} peers=[12]/);
    const height = Number(/restored from a snapshot height=(\d+)/.exec(late.log())![1]);
    expect(height % INTERVAL).toBe(0);
    const { number, hash } = await late.client.untilHead((head) => head.number > height + 1);
    expect((await blockAt(number)).hash).toBe(hash);
    // It has the state, not the blocks before.
    expect(await late.client.call('eth_getBlockByNumber', '0x2', false)).toBeNull();
    const rich = network.accounts[0]!.address;
    expect(await late.client.call('eth_getBalance', rich, 'latest')).toBe(
      await nodes[0]!.client.call('eth_getBalance', rich, 'latest'),
    );
  });

  it('takes blocks, with the reason in its log, when no snapshot hangs on the block that it trusts, and stops where the chain has another', async () => {
    const wary = nodes[3]!;
    change(wary, { trustHeight: 3, trustHash: `0x${'ab'.repeat(32)}` });
    // It may be at block 3 before it says that it is ready.
    await wary.start().catch(() => {});
    expect(await wary.ended()).not.toBe(0);
    expect(wary.log()).toMatch(/beginning with the first block instead of a snapshot: .*NOT_TRUSTED/);
    expect(wary.log()).toMatch(/TRUSTED_BLOCK_DIFFERS.*block 3 is 0xabab.*openledger reset/s);

    // The blocks before are the same on both chains: the right hash is enough to go on.
    change(wary, { trustHash: (await blockAt(3)).hash });
    await wary.start();
    const head = await nodes[0]!.client.untilHead(() => true);
    await wary.client.untilHead(({ number }) => number >= head.number);
    expect(await wary.client.call('eth_getBlockByNumber', '0x2', false)).not.toBeNull();
  });
});
