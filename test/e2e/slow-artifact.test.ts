/**
 * Bytes that come slowly, and bytes that do not come any more. Real processes, judged over RPC. One validator serves
 * artifacts slowly, and the last record only when the test says so: that all the others lack the bytes lasts as long
 * as it must, not as long as some timer.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPEN } from '../../genesis/parameters.ts';
import { describeArtifact, uploadArtifact } from '../../node/client/artifacts.ts';
import { type Account, type ChainClient, eventNamed } from '../../node/client/client.ts';
import { signNative } from '../../node/client/sign.ts';
import { fromHex, toHex } from '../../state/crypto.ts';
import { commitmentOf, contributionIdOf } from '../../state/modules/contribution/commitment.ts';
import { contributionInterface, dataNetInterface } from '../../state/modules/interfaces.ts';
import { chainClient } from './support/ai.ts';
import type { Hex } from './support/client.ts';
import { createSender, keepSending } from './support/load.ts';
import { startNetwork, type TestNetwork, type TestNode } from './support/network.ts';

const SLOW = 3;
const RECORDS = 100;
/** Every validator has its turn twice in so many blocks. */
const TWO_TURNS = 8;
const program = fileURLToPath(new URL('../../dist/test/e2e/support/slow-node.js', import.meta.url));

describe('a contribution whose bytes only one validator has', () => {
  let network: TestNetwork;
  let slow: TestNode;
  let others: TestNode[];
  let dataNetId: bigint;
  let load: { stop: () => Promise<void> };

  beforeAll(async () => {
    network = await startNetwork({
      validators: 4,
      program: (index) => (index === SLOW ? program : undefined),
    });
    slow = network.nodes[SLOW] as TestNode;
    others = network.nodes.filter((node) => node !== slow);
    const [first] = others as [TestNode];
    const client = chainClient(first);
    const curator = person('curator');
    const created = await client.perform(curator, dataNetInterface, 'create', ['Slow', 'Slow', 'Slow.', []]);
    dataNetId = eventNamed(created, 'Created')['id'] as bigint;
    await client.perform(curator, dataNetInterface, 'publish', [dataNetId]);
    // Others' business: it must go on whatever becomes of the contribution.
    const sender = network.accounts.find(({ name }) => name === 'carol');
    const transfers = createSender(sender!.privateKey, network.chainId, person('dave').address);
    load = keepSending(transfers, () => first.client);
  });
  afterAll(async () => {
    await load?.stop();
    await network?.close();
  });

  function person(name: string): Account {
    const found = network.accounts.find((account) => account.name === name);
    if (found === undefined) throw new Error(`no development account ${name}`);
    return { address: found.address.toLowerCase() as Hex, privateKey: fromHex(found.privateKey, 32) };
  }

  const openTheTap = (): void => writeFileSync(join(slow.home, 'serve'), '');
  const closeTheTap = (): void => rmSync(join(slow.home, 'serve'), { force: true });

  async function holds(node: TestNode, root: Hex): Promise<boolean> {
    const response = await fetch(`http://127.0.0.1:${node.rpcPort}/artifacts/${root}`);
    await response.arrayBuffer();
    return response.ok;
  }
  const heightOf = async (node: TestNode): Promise<number> =>
    Number(await node.client.call<Hex>('eth_blockNumber'));
  const blockAt = (node: TestNode, height: number) =>
    node.client.call<{ miner: Hex; stateRoot: Hex; hash: Hex; transactions: Hex[] }>(
      'eth_getBlockByNumber',
      `0x${height.toString(16)}`,
      false,
    );
  const receipt = (node: TestNode, hash: Hex) =>
    node.client.call<{ blockNumber: Hex; status: Hex } | null>('eth_getTransactionReceipt', hash);

  /** Waits until the node has committed `count` more blocks with transactions; resolves with their heights. */
  async function untilBusyBlocks(node: TestNode, count: number): Promise<number[]> {
    const busy: number[] = [];
    let looked = await heightOf(node);
    await node.client.until(async () => {
      for (const head = await heightOf(node); looked < head; ) {
        looked += 1;
        if ((await blockAt(node, looked)).transactions.length > 0) busy.push(looked);
      }
      return busy.length >= count ? true : undefined;
    }, 90_000);
    return busy;
  }

  /** Commits, uploads to the slow node and gives it the reveal. Resolves when the others hold the reveal, not its bytes. */
  async function revealAtSlowNode(contributor: Account, topic: string): Promise<{ root: Hex; reveal: Hex }> {
    const client: ChainClient = chainClient(slow);
    const records = Array.from({ length: RECORDS }, (_, i) =>
      new TextEncoder().encode(`Record ${i} of ${topic}. `.repeat(30)),
    );
    const { root, size, recordCount } = describeArtifact(records);
    const salt = toHex(new Uint8Array(32).fill(recordCount));
    const sender = contributor.address;
    const commitment = commitmentOf({ sender, dataNetId, artifactRoot: root, size, salt });
    await client.perform(contributor, contributionInterface, 'commit', [dataNetId, commitment], {
      value: OPEN,
    });
    const { signal } = new AbortController();
    await uploadArtifact(client.rpc.url, { leaves: records, dataNetId, sender, salt }, signal);
    const { raw, hash } = signNative(
      {
        type: 0x51,
        chainId: network.chainId,
        nonce: 1n,
        value: 0n,
        gasLimit: 2_000_000n,
        maxFeePerGas: 20_000_000_000n,
        maxPriorityFeePerGas: 2_000_000_000n,
        ...contributionInterface.nativeCall('reveal', [
          contributionIdOf(dataNetId, sender, commitment),
          root,
          BigInt(size),
          BigInt(recordCount),
          'CC0',
          '',
          salt,
        ]),
      },
      contributor.privateKey,
    );
    await slow.client.call('eth_sendRawTransaction', toHex(raw));
    await Promise.all(
      others.map((node) =>
        node.client.until(() => node.client.call<object | null>('eth_getTransactionByHash', hash)),
      ),
    );
    return { root, reveal: hash };
  }

  function expectNobodyCalledABlockInvalid(): void {
    for (const node of network.nodes)
      expect(node.log(), `log of node ${node.index}`).not.toMatch(
        /a proposed block is invalid|refused a block|CERTIFIED_BLOCK_INVALID|the node stops/,
      );
  }

  it('B1: is fetched, however slowly, while the chain goes on, and then committed by all', async () => {
    const { root, reveal } = await revealAtSlowNode(person('alice'), 'patience');
    const known = await heightOf(slow);
    const [busy] = await Promise.all(others.map((node) => untilBusyBlocks(node, TWO_TURNS)));
    expect(busy!.length).toBeGreaterThanOrEqual(TWO_TURNS);

    // The slow node proposed the reveal whenever its turn came, and nobody could say yes: none of its blocks is there.
    const [first] = others as [TestNode];
    const until = Math.max(...busy!);
    for (let height = known + 2; height <= until; height++)
      expect((await blockAt(first, height)).miner, `block ${height}`).not.toBe(slow.address?.toLowerCase());
    expect(await holds(slow, root)).toBe(true);
    for (const node of others) {
      expect(await holds(node, root)).toBe(false);
      expect(await receipt(node, reveal)).toBeNull();
    }

    openTheTap();
    const receipts = await Promise.all(
      network.nodes.map((node) => node.client.until(() => receipt(node, reveal), 60_000)),
    );
    expect(new Set(receipts.map(({ status }) => status))).toEqual(new Set(['0x1']));
    const roots = await Promise.all(
      network.nodes.map(async (node) => (await blockAt(node, Number(receipts[0]!.blockNumber))).stateRoot),
    );
    expect(new Set(roots).size).toBe(1);
    // Whoever executed the reveal had to have the bytes.
    for (const node of network.nodes) expect(await holds(node, root)).toBe(true);
    expectNobodyCalledABlockInvalid();
  });

  it('B1: whose only holder dies holds nobody up, and goes in when the holder is back', async () => {
    closeTheTap();
    const { root, reveal } = await revealAtSlowNode(person('bob'), 'loss');
    await slow.kill();
    const [busy] = await Promise.all(others.map((node) => untilBusyBlocks(node, TWO_TURNS)));
    expect(busy!.length).toBeGreaterThanOrEqual(TWO_TURNS);
    for (const node of others) {
      expect(await holds(node, root)).toBe(false);
      expect(await receipt(node, reveal)).toBeNull();
    }

    openTheTap();
    await slow.start();
    const receipts = await Promise.all(
      network.nodes.map((node) => node.client.until(() => receipt(node, reveal), 60_000)),
    );
    const height = Number(receipts[0]!.blockNumber);
    const roots = await Promise.all(
      network.nodes.map(async (node) => (await blockAt(node, height)).stateRoot),
    );
    expect(new Set(roots).size).toBe(1);
    expectNobodyCalledABlockInvalid();
  });
});
