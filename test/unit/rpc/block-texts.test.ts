import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBlockTexts } from '../../../rpc/block-texts.ts';
import { DEFAULT_LIMITS } from '../../../rpc/limits.ts';
import { blockJson } from '../../../rpc/views.ts';
import type { Block } from '../../../state/types.ts';
import {
  accountAddress,
  accountKey,
  openTestChain,
  signedTransaction,
  type TestChain,
} from '../state/support.ts';

let test: TestChain;
const blocks: Block[] = [];

beforeAll(async () => {
  test = await openTestChain();
  for (let nonce = 0; nonce < 3; nonce++) {
    const transfer = signedTransaction({ key: accountKey(0), nonce, to: accountAddress(1), value: 1n });
    blocks.push((await test.produce([transfer])).block);
  }
});
afterAll(() => test.close());

describe('blocks as JSON', () => {
  it('are written once, with hashes and with whole transactions apart', () => {
    const { reader } = test.chain;
    const texts = createBlockTexts(DEFAULT_LIMITS);
    for (const block of blocks)
      for (const full of [false, true]) {
        const text = texts.text(reader, block, full);
        expect(text.json).toBe(JSON.stringify(blockJson(reader, block, full)));
        expect(texts.text(reader, block, full)).toBe(text);
      }
  });

  it('are kept within bounds: the latest ones, and none that is too large', () => {
    const { reader } = test.chain;
    const [first, second, third] = blocks as [Block, Block, Block];
    const two = createBlockTexts({ ...DEFAULT_LIMITS, maxBlockTexts: 2 });
    const before = two.text(reader, first, false);
    two.text(reader, second, false);
    two.text(reader, third, false);
    const again = two.text(reader, first, false);
    expect(again).not.toBe(before);
    expect(again).toEqual(before);
    const small = createBlockTexts({ ...DEFAULT_LIMITS, maxBlockTextBytes: before.json.length - 1 });
    expect(small.text(reader, first, false)).not.toBe(small.text(reader, first, false));
  });
});
