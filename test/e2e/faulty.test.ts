/**
 * A validator whose program credits a thief. It is a build for this test alone: the shipped program has no way to
 * give another executor.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REQUEST_STATUS } from '../../state/modules/inference/types.ts';
import { dataNetInterface, inferenceInterface, rewardInterface } from '../../state/modules/interfaces.ts';
import { ANSWER, chainClient, type Economy, foundEconomy } from './support/ai.ts';
import type { Hex } from './support/client.ts';
import { startNetwork, type TestNetwork, type TestNode } from './support/network.ts';

const FAULTY = 2;
const program = fileURLToPath(new URL('../../dist/test/e2e/support/faulty-node.js', import.meta.url));

describe('a proposer that commits a wrong credit vector', () => {
  let network: TestNetwork;
  let economy: Economy;
  let faulty: TestNode;
  let honest: TestNode[];
  let requestId: Hex;

  beforeAll(async () => {
    network = await startNetwork({
      validators: 4,
      // Turns are moved on by transactions, so that no empty block takes the faulty validator's turn while it works.
      adjust: (genesis) => {
        genesis.params.consensus.heartbeatMs = 30_000;
        // Nor on a busy machine another round: then an honest one settles, and there is nothing to refuse.
        genesis.params.consensus.proposeTimeoutMs = 5_000;
      },
      program: (index) => (index === FAULTY ? program : undefined),
    });
    faulty = network.nodes[FAULTY] as TestNode;
    honest = network.nodes.filter((node) => node !== faulty);
    economy = await foundEconomy(network, honest[0] as TestNode);
  });
  afterAll(() => network?.close());

  const proposerOf = async (number: number) =>
    (await faulty.client.call<{ miner: Hex }>('eth_getBlockByNumber', `0x${number.toString(16)}`, false))
      .miner;

  /** Makes a block: resolves when a transaction of no consequence is in one. */
  const moveOn = () =>
    chainClient(honest[0] as TestNode).perform(economy.people.curator, dataNetInterface, 'create', [
      'Another',
      'Nothing',
      'Moves the chain on.',
      [],
    ]);

  /** Whether nothing is left that would make another block: what validators attest are transactions, too. */
  const isAtRest = async (): Promise<boolean> => {
    const at = await Promise.all(
      network.nodes.map(async ({ client }) => {
        const { items } = await client.call<{ items: { status: string }[] }>('ol_attestations');
        const { pending } = await client.call<{ pending: Hex }>('txpool_status');
        const head = await client.call<Hex>('eth_blockNumber');
        return items.some(({ status }) => status === 'open') || Number(pending) > 0 ? undefined : head;
      }),
    );
    return at[0] !== undefined && at.every((head) => head === at[0]);
  };
  /** Resolves when the validator whose turn comes next is the faulty one: the one before it has just proposed. */
  async function untilItsTurn(): Promise<void> {
    const own = faulty.address?.toLowerCase();
    for (let turn = 0; turn < 40; turn++) {
      await moveOn();
      const head = Number(await (honest[0] as TestNode).client.call<Hex>('eth_blockNumber'));
      await Promise.all(
        network.nodes.map(({ client }) => client.untilHead((known) => known.number >= head, 60_000)),
      );
      // What is still open needs blocks to be settled: the next turn brings one.
      if (!(await isAtRest())) continue;
      // Equal powers take turns: whoever proposed four blocks before the next one proposes it.
      if (head >= 5 && (await proposerOf(head - 3)) === own) return;
    }
    throw new Error('the faulty validator got no turn in forty blocks');
  }

  it('B1: sees its block refused by all others, who pay the right people', async () => {
    const asked = honest[0] as TestNode;
    requestId = await economy.ask(chainClient(asked));
    await receiptAt(faulty);
    const preview = await asked.client.call<{ recordHash: Hex }>(
      'ol_previewAttribution',
      requestId,
      `0x${Buffer.from(ANSWER).toString('hex')}`,
    );
    await untilItsTurn();
    const { perform } = chainClient(faulty);
    // The faulty node itself believes in what it does; its own receipt never comes.
    perform(economy.people.operator, inferenceInterface, 'settle', [requestId, ANSWER, preview.recordHash], {
      gasLimit: 5_000_000n,
    }).catch(() => {});
    const isSettled = async (node: TestNode) => {
      const [{ status }] = await chainClient(node).view(inferenceInterface, 'inference', [requestId]);
      return status === BigInt(REQUEST_STATUS.settled) ? true : undefined;
    };
    await Promise.all(honest.map((node) => node.client.until(() => isSettled(node), 60_000)));
    // Two of the three are needed to refuse it; to the third it may have come after its round.
    const refused = honest.filter((node) =>
      /a proposed block is invalid.*code=WRONG_HEADER/.test(node.log()),
    );
    expect(refused.length).toBeGreaterThanOrEqual(2);
    for (const node of honest) {
      for (const name of ['alice', 'bob'] as const) {
        const [pending] = await chainClient(node).view(rewardInterface, 'pending', [
          economy.people[name].address,
        ]);
        const [claimable] = await chainClient(node).view(rewardInterface, 'claimable', [
          economy.people[name].address,
        ]);
        expect(pending + claimable).toBeGreaterThan(0n);
      }
    }
  });

  it('is left behind while the chain goes on', async () => {
    const [first] = honest as [TestNode];
    const now = Number(await first.client.call<Hex>('eth_blockNumber'));
    for (let block = 0; block < 3; block++) await moveOn();
    const heads = await Promise.all(
      honest.map((node) => node.client.untilHead((head) => head.number >= now + 3, 60_000)),
    );
    const tag = `0x${(now + 3).toString(16)}`;
    const hashes = await Promise.all(
      honest.map(
        async (node) => (await node.client.call<{ hash: Hex }>('eth_getBlockByNumber', tag, false)).hash,
      ),
    );
    expect(heads.length).toBe(3);
    expect(new Set(hashes).size).toBe(1);
    // A decided block that it finds invalid means that it runs other rules than the others: it says so and ends.
    expect(await faulty.ended()).toBe(1);
    expect(faulty.log()).toMatch(/the node stops: CERTIFIED_BLOCK_INVALID/);
  });

  /** The request is known to this node. */
  async function receiptAt(node: TestNode): Promise<void> {
    await node.client.until(async () => {
      const found = await chainClient(node)
        .view(inferenceInterface, 'inference', [requestId])
        .catch(() => undefined);
      return found;
    });
  }
});
