import { describe, expect, it } from 'vitest';
import type { Client, Hex } from '../../e2e/support/client.ts';
import { checkIncluded, compareHeaders, now, untilFresh } from '../../networks/judge.ts';

const HASH: Hex = '0x01';

/** A node with the blocks from `first` to `top`, whose block 3 holds the one transaction. */
function node(name: string, has: { first?: number; top?: number; receipt?: boolean; fork?: number } = {}) {
  const { first = 0, top = 5, receipt = true, fork } = has;
  const client: Client = {
    async call<T>(method: string, tag?: unknown): Promise<T> {
      if (method === 'eth_blockNumber') return `0x${top.toString(16)}` as T;
      if (method === 'eth_getTransactionReceipt')
        return (receipt ? { status: '0x1', blockHash: '0x33', blockNumber: '0x3' } : null) as T;
      const number = Number(tag);
      return (number < first || number > top ? null : { number: tag, fork: number === fork }) as T;
    },
    untilHead: async (wanted) => {
      const head = { number: top, hash: HASH, stateRoot: HASH };
      if (!wanted(head)) throw new Error(`the head is ${top}`);
      return head;
    },
    until: () => Promise.reject(new Error('is not asked')),
    close: () => {},
  };
  return { name, client };
}

function gone(name: string) {
  const lost = () => Promise.reject(new Error('the connection is closed'));
  return { name, client: { call: lost, untilHead: lost, until: lost, close: () => {} } };
}

const judge = async (...nodes: ReturnType<typeof node>[]) => {
  const { holders, problems } = await compareHeaders(nodes, new Set(['late']));
  return [...problems, ...(await checkIncluded(holders, [HASH]))];
};

describe('the judge', () => {
  it('has nothing to say about equal chains, of which one began with a snapshot', async () => {
    expect(await judge(node('a'), node('b'), node('late', { first: 4, receipt: false }))).toEqual([]);
  });

  it('finds a block that differs, and one that nobody else lacks', async () => {
    expect(await judge(node('a'), node('b', { fork: 4 }))).toEqual(['block 4 of b is not that of a']);
    expect(await judge(node('a'), node('b', { first: 2 }))).toEqual(['b has no block before 2']);
  });

  it('misses the receipt at a node that has the block', async () => {
    expect(await judge(node('a'), node('b', { receipt: false }))).toEqual([
      '0x01 is in block 3, and b has executed that and has no receipt',
    ]);
    // The block of the snapshot itself came without receipts.
    expect(await judge(node('a'), node('late', { first: 3, receipt: false }))).toEqual([]);
    expect(await judge(node('a'), node('late', { first: 2, receipt: false }))).toEqual([
      '0x01 is in block 3, and late has executed that and has no receipt',
    ]);
  });

  it('names nodes that do not answer or are behind, and goes on with the others', async () => {
    expect(await judge(node('a'), gone('b'), node('c', { fork: 1 }), node('d', { top: 4 }))).toEqual([
      'b does not answer: the connection is closed',
      'd has not block 5: the head is 4',
      'block 1 of c is not that of a',
    ]);
    await expect(untilFresh([gone('b')], now(), 1_000)).rejects.toThrow('b does not answer: ');
  });

  it('takes no block for a fresh one that came too late, however soon after the question', async () => {
    const { client } = node('a');
    const soon = {
      name: 'a',
      client: { ...client, untilHead: async () => node('a').client.untilHead(() => true) },
    };
    const since = now();
    await expect(untilFresh([soon], since, 1_000)).resolves.toBeDefined();
    const longAgo = { wallMs: since.wallMs - 2_000, ownMs: since.ownMs - 2_000 };
    await expect(untilFresh([soon], longAgo, 1_000)).rejects.toThrow(/^a is at block .* within 1 s$/);
  });
});
