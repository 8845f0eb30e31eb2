/**
 * What goes on around the transfers of a long run: people who ask a model, an operator who settles, and readers who come
 * to whatever node runs, subscribe, ask this and that, and go.
 */
import { inferenceInterface } from '../../state/modules/interfaces.ts';
import { ANSWER, chainClient, foundEconomy } from '../e2e/support/ai.ts';
import { type Client, connect, type Hex } from '../e2e/support/client.ts';
import type { Fleet, Named } from './fleet.ts';
import { within } from './load.ts';

export interface Crowd {
  /** For people: what was done until now. */
  told(): string;
  /** Resolves with what went wrong. */
  stop(): Promise<string[]>;
}

/** Blocks between two questions, and that a reader stays. */
const PACE_BLOCKS = 3;
const HEADS_MS = 120_000;
const CALL_MS = 30_000;
const READERS = 2;
const NOBODY: Hex = '0x00000000000000000000000000000000000051ab';

export function startCrowd(fleet: Fleet): Crowd {
  const problems: string[] = [];
  const done = { settled: 0, readers: 0, reads: 0, events: 0 };
  let stopping = false;
  const isStopping = () => stopping;

  async function economy(): Promise<void> {
    const { node } = fleet.node('validator-0').running
      ? { node: fleet.node('validator-0') }
      : fleet.witness();
    const client = chainClient(node);
    const { people, ask } = await foundEconomy(fleet.network, node);
    while (!stopping) {
      const id = await ask(client);
      const output: Hex = `0x${Buffer.from(ANSWER).toString('hex')}`;
      const { recordHash } = await client.rpc.request<{ recordHash: Hex }>('ol_previewAttribution', [
        id,
        output,
      ]);
      await client.perform(people.operator, inferenceInterface, 'settle', [id, ANSWER, recordHash]);
      done.settled += 1;
      await pass(node.client);
    }
  }

  async function reader(turn: number): Promise<void> {
    for (let visit = turn; !stopping; visit++) {
      const running = fleet.running();
      const node = running[visit % running.length] as Named;
      try {
        await read(node);
      } catch (error) {
        // A node that is on its way out, or in, owes nothing.
        const still = fleet.node(node.name).running && !fleet.touched.has(node.name);
        if (still && node.name.startsWith('validator'))
          problems.push(`a reader of ${node.name}: ${(error as Error).message}`);
        await pass(fleet.witness().node.client);
      }
    }
  }

  async function read({ node }: Named): Promise<void> {
    const client = await within(CALL_MS, connect(node.rpcPort));
    try {
      done.readers += 1;
      const topics = [['logs', {}], ['newPendingTransactions'], ['newHeads']];
      const ids = await Promise.all(topics.map((topic) => client.call<Hex>('eth_subscribe', ...topic)));
      const from = (await client.untilHead(() => true, HEADS_MS)).number;
      for (let block = 1; block <= PACE_BLOCKS && !isStopping(); block++) {
        const head = await client.untilHead(({ number }) => number >= from + block, HEADS_MS);
        done.events += 1;
        const tag: Hex = `0x${head.number.toString(16)}`;
        await Promise.all(
          questions(tag).map(([method, ...params]) => within(CALL_MS, client.call(method, ...params))),
        );
        done.reads += questions(tag).length;
      }
      // Half of them say goodbye.
      if (done.readers % 2 === 0) for (const id of ids) await client.call('eth_unsubscribe', id);
    } finally {
      client.close();
    }
  }

  const all = Promise.all([
    economy().catch((error: Error) => problems.push(`the economy stopped: ${error.message}`)),
    ...Array.from({ length: READERS }, (_, turn) =>
      reader(turn).catch((error: Error) => problems.push(`a reader gave up: ${error.message}`)),
    ),
  ]);
  return {
    told: () =>
      `${done.settled} answers settled, ${done.readers} readers came, ${done.reads} reads, ${done.events} heads heard`,
    /** Readers wait for blocks, so that the load must go on until they have left. */
    async stop() {
      stopping = true;
      await all;
      if (done.settled === 0) problems.push('no answer was settled');
      if (done.reads === 0) problems.push('nobody read');
      return problems;
    },
  };
}

async function pass(client: Client): Promise<void> {
  const { number } = await client.untilHead(() => true, HEADS_MS);
  await client.untilHead((head) => head.number >= number + PACE_BLOCKS, HEADS_MS);
}

function questions(tag: Hex): [string, ...unknown[]][] {
  return [
    ['eth_getBlockByNumber', tag, true],
    ['eth_getBlockReceipts', tag],
    ['eth_getLogs', { fromBlock: tag, toBlock: tag }],
    ['eth_call', { to: NOBODY, data: '0x' }, tag],
    ['eth_estimateGas', { to: NOBODY, value: '0x0' }],
    ['eth_getProof', NOBODY, [], 'latest'],
    ['eth_feeHistory', '0x5', 'latest', [50]],
    ['eth_getBalance', NOBODY, 'latest'],
    ['txpool_status'],
    ['ol_validators'],
    ['ol_chainInfo'],
  ];
}
