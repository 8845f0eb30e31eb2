import { describe, expect, it } from 'vitest';
import { asHeight, asRound, type Hash } from '../../../consensus/types.ts';
import { type Blocks, createBlocks } from '../../../node/validator/blocks.ts';
import type { App, CheckAnswer, Net } from '../../../node/validator/ports.ts';

const BLOCK: Hash = `0x${'b1'.repeat(32)}`;
const BYTES = Uint8Array.of(1, 2, 3);
const VALID: CheckAnswer = { answer: 'valid', originRound: asRound(0), timestampMs: 1 };

/** The blocks of a height with an executor that gives `answers` one after the other, and the last for ever. */
function blocksWith(answers: readonly CheckAnswer[]) {
  const checked: Uint8Array[] = [];
  const verdicts: string[] = [];
  const app: Pick<App, 'check'> = {
    check: async ({ bytes }) => {
      checked.push(bytes);
      return answers[Math.min(checked.length, answers.length) - 1] as CheckAnswer;
    },
  };
  const net: Pick<Net, 'peers'> = { peers: () => [] };
  const blocks: Blocks = createBlocks({
    height: asHeight(7),
    app: app as App,
    net: net as Net,
    clock: { nowMs: () => 0, setTimer: () => () => {} },
    random: { int: () => 0 },
    onVerdict: (_, { answer }) => verdicts.push(answer),
    isPinned: () => false,
    isAwaited: () => true,
    onFault: (error) => {
      throw error;
    },
  });
  return { blocks, checked, verdicts };
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('the blocks of a height', () => {
  it('judges a block that a log brought back without the verdict on it', async () => {
    const { blocks, checked, verdicts } = blocksWith([VALID]);
    // The log ended between the block's record and its verdict: the core asks for it.
    blocks.keep(BLOCK, BYTES);
    blocks.want(BLOCK);
    await settle();
    expect(checked).toEqual([BYTES]);
    expect(verdicts).toEqual(['valid']);
  });

  it('B1: asks again about an unknown block as soon as more may be known, and says nothing until then', async () => {
    const { blocks, checked, verdicts } = blocksWith([
      { answer: 'unknown', reason: 'its parent is not here' },
      { answer: 'invalid', code: 'WRONG' },
    ]);
    blocks.offer(BLOCK, BYTES);
    blocks.want(BLOCK);
    await settle();
    expect(verdicts).toEqual([]);
    blocks.ready(BLOCK);
    await settle();
    expect(checked).toHaveLength(2);
    expect(verdicts).toEqual(['invalid']);
  });

  it('serves only what was judged here, and never what it knows nothing about', async () => {
    const { blocks } = blocksWith([VALID]);
    blocks.offer(BLOCK, BYTES);
    expect(blocks.get(BLOCK)).toEqual(BYTES);
    expect(blocks.judged(BLOCK)).toBeUndefined();
    blocks.want(BLOCK);
    await settle();
    expect(blocks.judged(BLOCK)).toEqual(BYTES);
  });
});
