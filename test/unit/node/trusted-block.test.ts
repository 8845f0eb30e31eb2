/** A node is told the hash of one block by somebody its operator trusts, and meets a chain with another block there. */
import { describe, expect, it } from 'vitest';
import type { Hash } from '../../../consensus/types.ts';
import type { ExecutorApp } from '../../../node/validator-app/app.ts';
import { holdToTrustedBlock } from '../../../node/validator-app/trusted-block.ts';

const hashOf = (digit: number): Hash => `0x${String(digit).repeat(64)}`;

/** A chain in memory: block n of branch b has hash nb... */
function chainOf(stored: ReadonlyMap<number, Hash>, committed: Hash[] = []) {
  const app = {
    head: () => ({ height: Math.max(0, ...stored.keys()) }),
    getBlock: async (height: number) => {
      const blockHash = stored.get(height);
      return blockHash && { height, blockHash };
    },
    commit: async ({ blockHash }: { blockHash: Hash }) => {
      committed.push(blockHash);
      return {};
    },
  };
  return { app: app as unknown as ExecutorApp, committed };
}

const block = (height: number, blockHash: Hash) =>
  ({ blockHash, bytes: new Uint8Array(), certificate: { height, blockHash } }) as never;

describe('the trusted block', () => {
  const trusted = { height: 3, hash: hashOf(3) };

  it('lets the chain pass that has it, and every other height', async () => {
    const { app, committed } = chainOf(new Map());
    const held = await holdToTrustedBlock(app, trusted);
    for (const height of [1, 2, 3, 4]) await held.commit(block(height, hashOf(height)));
    expect(committed).toEqual([1, 2, 3, 4].map(hashOf));
  });

  it('stops before another block at its height is stored, however good its certificate', async () => {
    const { app, committed } = chainOf(new Map([[2, hashOf(2)]]));
    const held = await holdToTrustedBlock(app, trusted);
    await expect(held.commit(block(3, hashOf(9)))).rejects.toMatchObject({
      code: 'TRUSTED_BLOCK_DIFFERS',
      message: expect.stringContaining(hashOf(9)),
    });
    expect(committed).toEqual([]);
  });

  it('refuses a chain that holds another block there already', async () => {
    const { app } = chainOf(
      new Map([
        [3, hashOf(9)],
        [4, hashOf(4)],
      ]),
    );
    await expect(holdToTrustedBlock(app, trusted)).rejects.toMatchObject({ code: 'TRUSTED_BLOCK_DIFFERS' });
  });

  it('does not ask for a block that is no longer kept', async () => {
    const { app } = chainOf(new Map([[7, hashOf(7)]]));
    await expect(holdToTrustedBlock(app, trusted)).resolves.toBeDefined();
  });
});
