import { describe, expect, it } from 'vitest';
import { asHeight, asRound, type Hash } from '../../../consensus/types.ts';
import { type Blocks, createBlocks } from '../../../node/validator/blocks.ts';
import { LIMITS } from '../../../node/validator/limits.ts';
import type { App, CheckAnswer, Net } from '../../../node/validator/ports.ts';
import { createWorld } from '../../sim/world.ts';

const BLOCK: Hash = `0x${'b1'.repeat(32)}`;
const BYTES = Uint8Array.of(1, 2, 3);
const VALID: CheckAnswer = { answer: 'valid', originRound: asRound(0), timestampMs: 1 };

/**
 * The blocks of a height with an executor that gives `answers` one after the other, and the last for ever.
 * @param peers what each peer serves; `silent` says nothing for a minute
 */
function blocksWith(
  answers: readonly CheckAnswer[],
  peers: Record<string, Uint8Array | 'silent' | undefined> = {},
) {
  const world = createWorld(0);
  const asked: string[] = [];
  const blamed: string[] = [];
  const checked: Uint8Array[] = [];
  const verdicts: string[] = [];
  const of = { use: true };
  const app: Pick<App, 'check'> = {
    check: async ({ bytes }) => {
      checked.push(bytes);
      return answers[Math.min(checked.length, answers.length) - 1] as CheckAnswer;
    },
  };
  const net: Net = {
    broadcast: () => {},
    peers: () => Object.keys(peers),
    penalise: (peer) => void blamed.push(peer),
    async request(peer) {
      asked.push(peer);
      const served = peers[peer];
      if (served !== 'silent') return served;
      await new Promise<void>((resolve) => void world.at(world.nowMs() + 60_000, resolve));
      return BYTES;
    },
  };
  const blocks: Blocks = createBlocks({
    height: asHeight(7),
    app: app as App,
    net,
    clock: {
      nowMs: () => world.nowMs(),
      setTimer: (delayMs, run) => {
        const event = world.at(world.nowMs() + delayMs, run);
        return () => event.cancel();
      },
    },
    random: { int: () => 0 },
    onVerdict: (_, { answer }) => verdicts.push(answer),
    isPinned: () => false,
    isAwaited: () => true,
    isOfUse: () => of.use,
    onFault: (error) => {
      throw error;
    },
  });
  /** Lets time pass in small steps, so that what waits for nobody's clock runs too. */
  const pass = async (ms: number): Promise<void> => {
    for (const end = world.nowMs() + ms; world.nowMs() < end; ) {
      await world.run(Math.min(end, world.nowMs() + 50));
      await settle();
    }
  };
  return { world, blocks, checked, verdicts, asked, blamed, of, pass };
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

  it('come from who has them although four peers that mentioned the block do not serve it', async () => {
    const liars = ['liar 1', 'liar 2', 'liar 3', 'liar 4'];
    const silent = Object.fromEntries(liars.map((liar) => [liar, undefined]));
    const { world, blocks, verdicts, asked } = blocksWith([VALID], { ...silent, honest: BYTES });
    for (const liar of liars) blocks.source(BLOCK, liar);
    blocks.want(BLOCK);
    await settle();
    expect(asked).toEqual(liars);
    await world.run(LIMITS.maxRetryMs);
    await settle();
    expect(asked).toContain('honest');
    expect(verdicts).toEqual(['valid']);
  });

  it('come from the next peer at once when the one that mentioned the block serves something else, and it is last then', async () => {
    const { world, blocks, verdicts, asked, blamed } = blocksWith(
      [{ answer: 'mismatch' }, { answer: 'unknown', reason: 'no data yet' }, { answer: 'mismatch' }, VALID],
      { liar: Uint8Array.of(9), honest: BYTES, other: BYTES },
    );
    blocks.source(BLOCK, 'liar');
    blocks.want(BLOCK);
    await settle();
    expect(asked).toHaveLength(2);
    expect(asked[0]).toBe('liar');
    expect(asked[1]).not.toBe('liar');
    // What the second served turns out to be something else, too.
    await world.run(LIMITS.maxRetryMs);
    await settle();
    expect(new Set(asked).size).toBe(3);
    expect(asked.filter((peer) => peer === 'liar')).toHaveLength(1);
    expect(blamed).toEqual(asked.slice(0, 2));
    expect(verdicts).toEqual(['valid']);
  });

  it('are asked for with a pause where everybody serves something else', async () => {
    const { world, blocks, asked, verdicts } = blocksWith([{ answer: 'mismatch' }], {
      'liar 1': Uint8Array.of(9),
      'liar 2': Uint8Array.of(9),
    });
    blocks.want(BLOCK);
    await settle();
    expect(new Set(asked)).toEqual(new Set(['liar 1', 'liar 2']));
    expect(asked).toHaveLength(2);
    await world.run(LIMITS.retryMs);
    await settle();
    expect(asked).toHaveLength(3);
    expect(verdicts).toEqual([]);
  });

  it('are judged as soon as gossip brings them, though a silent peer was asked', async () => {
    const { blocks, verdicts, pass } = blocksWith([VALID], { silent: 'silent' });
    blocks.source(BLOCK, 'silent');
    blocks.want(BLOCK);
    await pass(50);
    blocks.offer(BLOCK, BYTES);
    await settle();
    expect(verdicts).toEqual(['valid']);
  });

  it('come from who has them soon, though four peers that mentioned the block say nothing', async () => {
    const silent = Object.fromEntries([1, 2, 3, 4].map((i) => [`silent ${i}`, 'silent' as const]));
    const { blocks, verdicts, asked, pass } = blocksWith([VALID], { ...silent, honest: BYTES });
    for (const peer of Object.keys(silent)) blocks.source(BLOCK, peer);
    blocks.want(BLOCK);
    await pass(4 * LIMITS.patienceMs + LIMITS.retryMs + 100);
    expect(verdicts).toEqual(['valid']);
    // Nobody is asked twice at once.
    expect(new Set(asked).size).toBe(asked.length);
  });

  it('are taken from a slow peer, too, when it is the only one', async () => {
    const { blocks, verdicts, asked, pass } = blocksWith([VALID], { slow: 'silent' });
    blocks.want(BLOCK);
    await pass(60_100);
    expect(asked).toEqual(['slow']);
    expect(verdicts).toEqual(['valid']);
  });

  it('are looked for at once when a peer names a block that nobody had', async () => {
    const peers: Record<string, Uint8Array | undefined> = { first: undefined };
    const { blocks, verdicts, pass } = blocksWith([VALID], peers);
    blocks.want(BLOCK);
    await pass(30_000);
    peers['second'] = BYTES;
    blocks.source(BLOCK, 'second');
    await settle();
    expect(verdicts).toEqual(['valid']);
  });

  it('are kept from the core, served, and not judged again until they can be voted for', async () => {
    const { blocks, checked, verdicts, of, pass } = blocksWith([VALID]);
    of.use = false;
    blocks.offer(BLOCK, BYTES);
    blocks.want(BLOCK);
    await pass(20_000);
    blocks.reconsider();
    expect(verdicts).toEqual([]);
    expect(checked).toHaveLength(1);
    expect(blocks.judged(BLOCK)).toEqual(BYTES);
    of.use = true;
    blocks.reconsider();
    expect(verdicts).toEqual(['valid']);
    expect(checked).toHaveLength(1);
  });

  it('are fetched again when they had to make room before they could be voted for', async () => {
    const { blocks, verdicts, of, pass } = blocksWith([VALID], { honest: BYTES });
    of.use = false;
    blocks.offer(BLOCK, BYTES);
    blocks.want(BLOCK);
    await settle();
    const large = new Uint8Array(LIMITS.maxBlockBytes);
    for (let i = 0; i <= LIMITS.maxBlockBytesHeld / LIMITS.maxBlockBytes; i++)
      blocks.offer(`0x${i.toString(16).padStart(64, '0')}`, large);
    expect(blocks.get(BLOCK)).toBeUndefined();
    await pass(20_000);
    expect(verdicts).toEqual([]);
    of.use = true;
    blocks.reconsider();
    await pass(100);
    expect(verdicts).toEqual(['valid']);
  });

  it('blames nobody for a gossiped body after the one that was served had to make room', async () => {
    const { blocks, checked, verdicts, blamed } = blocksWith(
      [{ answer: 'unknown', reason: 'no data yet' }, { answer: 'mismatch' }, VALID],
      { honest: BYTES },
    );
    blocks.want(BLOCK);
    await settle();
    expect(blocks.get(BLOCK)).toEqual(BYTES);
    const large = new Uint8Array(LIMITS.maxBlockBytes);
    for (let i = 0; i <= LIMITS.maxBlockBytesHeld / LIMITS.maxBlockBytes; i++)
      blocks.offer(`0x${i.toString(16).padStart(64, '0')}`, large);
    expect(blocks.get(BLOCK)).toBeUndefined();
    const rubbish = Uint8Array.of(9);
    blocks.offer(BLOCK, rubbish);
    await settle();
    expect(checked).toEqual([BYTES, rubbish, BYTES]);
    expect(verdicts).toEqual(['valid']);
    expect(blamed).toEqual([]);
  });
});
