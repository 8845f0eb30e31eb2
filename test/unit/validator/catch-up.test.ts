import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../consensus/certificate.ts';
import { asHeight, asRound, type Hash } from '../../../consensus/types.ts';
import { createCatchUp } from '../../../node/validator/catch-up.ts';
import { LIMITS } from '../../../node/validator/limits.ts';
import { decodeRangeQuestion, encodeRangeAnswer } from '../../../node/validator/messages.ts';
import type { App, Head } from '../../../node/validator/ports.ts';
import { createWorld } from '../../sim/world.ts';
import { addressOf, GENESIS, setOf } from '../consensus/bench.ts';

const set = setOf([1]);
const hashAt = (height: number): Hash => `0x${height.toString(16).padStart(64, '0')}`;
const certified = (height: number) => ({
  certificate: makeCertificate(
    set,
    [
      {
        type: 'precommit',
        height: asHeight(height),
        round: asRound(0),
        blockHash: hashAt(height),
        validator: addressOf(0),
        signature: new Uint8Array(96),
      },
    ],
    () => new Uint8Array(96),
  ),
  bytes: Uint8Array.of(height),
});

/** A node that lags behind `honest`, whose chain grows by a block every quarter of a second. */
function createStage(others: Record<string, (from: number) => Promise<Uint8Array | undefined>>, lag = 5) {
  const world = createWorld(0);
  let height = 0;
  const honestHeight = () => asHeight(lag + Math.floor(world.nowMs() / 250));
  const pause = (ms: number) => new Promise<void>((resolve) => void world.at(world.nowMs() + ms, resolve));
  /** How far the clock of the node is off; its timers are not. */
  const clock = { skewMs: 0 };
  const asked: string[] = [];
  const ends: number[] = [];
  const silences: number[] = [];
  const head = () => ({ height, validators: set }) as unknown as Head;
  const catchUp = createCatchUp({
    app: {
      head,
      check: async () => ({ answer: 'valid' }),
      commit: async () => {
        height += 1;
        return head();
      },
    } as unknown as App,
    bls: { fastAggregateVerify: () => true } as never,
    clock: {
      nowMs: () => world.nowMs() + clock.skewMs,
      setTimer: (delayMs, run) => {
        const event = world.at(world.nowMs() + delayMs, run);
        return () => event.cancel();
      },
    },
    // The honest peer first: it has the next block each time.
    random: { int: (bound) => bound - 1 },
    net: {
      broadcast: () => {},
      peers: () => ['honest', ...Object.keys(others)],
      penalise: () => {},
      async request(peer, _, payload) {
        asked.push(peer);
        const { from, count } = decodeRangeQuestion(payload);
        const other = others[peer];
        if (other !== undefined) return other(from);
        await pause(100);
        const until = Math.min(from + count - 1, honestHeight());
        const blocks = [];
        for (let at: number = from; at <= until; at++) blocks.push(certified(at));
        return encodeRangeAnswer({ headHeight: honestHeight(), blocks });
      },
    },
    log: () => {},
    genesisHash: GENESIS,
    claim: async () => true,
    onCommitted: () => {},
    onSilence: () => void silences.push(world.nowMs()),
    onEnd: () => void ends.push(height),
    onFault: (error) => {
      throw error;
    },
  });
  /** Lets time pass in small steps, so that what waits for nobody's clock runs too. */
  const pass = async (ms: number): Promise<void> => {
    for (const end = world.nowMs() + ms; world.nowMs() < end; ) {
      await world.run(world.nowMs() + 50);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { height: () => height, clock, catchUp, ends, silences, asked, honestHeight, pause, pass };
}

describe('catching up', () => {
  it.each([
    ['never answers', undefined],
    ['answers with nothing', { headHeight: asHeight(1_000_000), blocks: [] }],
    ['takes its claim back', { headHeight: asHeight(0), blocks: [] }],
  ])('ends at the head of the honest peers when a liar that claims a far height %s', async (_, answer) => {
    const stage = createStage({
      async liar() {
        await stage.pause(3_000);
        return answer && encodeRangeAnswer(answer);
      },
    });
    for (let turn = 0; turn < 300 && stage.ends.length === 0; turn++) {
      // Status messages go round all the time, and a liar repeats itself as often as it may.
      stage.catchUp.peerAt('honest', stage.honestHeight());
      stage.catchUp.peerAt('liar', asHeight(1_000_000));
      await stage.pass(100);
    }
    expect(stage.ends.length).toBe(1);
    expect(stage.ends[0]).toBeGreaterThanOrEqual(5);
    stage.catchUp.stop();
  });

  it('asks a peer again after a pause that grows with each claim it did not keep', async () => {
    const stage = createStage({ friend: async () => undefined });
    const asks: number[] = [];
    for (let second = 0; second < 200; second++) {
      const before = stage.asked.length;
      stage.catchUp.peerAt('friend', asHeight(3));
      await stage.pass(1_000);
      if (stage.asked.length > before) asks.push(second);
    }
    expect(asks.length).toBeGreaterThan(3);
    const pauses = asks.slice(1).map((second, i) => second - (asks[i] as number));
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(Math.max(...pauses)).toBeGreaterThan(LIMITS.minDoubtMs / 100);
    stage.catchUp.stop();
  });

  it('gets through two thousand blocks in half a minute beside a peer that serves one a minute', async () => {
    const stage = createStage(
      {
        async slow(from) {
          await stage.pause(59_000);
          return encodeRangeAnswer({ headHeight: asHeight(1_000_000), blocks: [certified(from)] });
        },
      },
      2_000,
    );
    for (let second = 0; second < 30; second++) {
      stage.catchUp.peerAt('honest', stage.honestHeight());
      stage.catchUp.peerAt('slow', asHeight(1_000_000));
      await stage.pass(1_000);
    }
    stage.catchUp.stop();
    expect(stage.asked.filter((peer) => peer === 'slow').length).toBeGreaterThan(0);
    expect(stage.height()).toBeGreaterThan(2_000);
  });

  it('asks another peer that claims the next block by then, when the one that was asked says nothing', async () => {
    const stage = createStage({
      async silent() {
        await stage.pause(59_000);
        return undefined;
      },
    });
    stage.catchUp.peerAt('silent', asHeight(1));
    await stage.pass(1_000);
    expect(stage.asked).toEqual(['silent']);
    stage.catchUp.peerAt('honest', stage.honestHeight());
    await stage.pass(LIMITS.stragglerMs + 1_000);
    expect(stage.height()).toBeGreaterThan(5);
    stage.catchUp.stop();
  });

  it('waits for a slow peer while nobody else claims the next block, and takes its answer', async () => {
    const stage = createStage({
      async slow(from) {
        await stage.pause(3 * LIMITS.stragglerMs);
        return encodeRangeAnswer({ headHeight: asHeight(1), blocks: [certified(from)] });
      },
    });
    stage.catchUp.peerAt('slow', asHeight(1));
    await stage.pass(3 * LIMITS.stragglerMs + 1_000);
    stage.catchUp.stop();
    expect(stage.asked).toEqual(['slow']);
    expect(stage.height()).toBe(1);
    // Consensus went on meanwhile.
    expect(stage.silences.length).toBeGreaterThan(0);
    expect(stage.silences[0]).toBeLessThanOrEqual(LIMITS.stragglerMs + 100);
  });

  it('does not doubt a peer that was asked a moment before the slow one answered', async () => {
    const stage = createStage({
      async slow(from) {
        await stage.pause(LIMITS.stragglerMs + 50);
        return encodeRangeAnswer({ headHeight: asHeight(1), blocks: [certified(from)] });
      },
    });
    stage.catchUp.peerAt('slow', asHeight(1));
    await stage.pass(1_000);
    stage.catchUp.peerAt('honest', stage.honestHeight());
    await stage.pass(LIMITS.stragglerMs);
    expect(stage.asked.slice(0, 2)).toEqual(['slow', 'honest']);
    stage.catchUp.peerAt('honest', stage.honestHeight());
    // Doubted, it would not be asked for the next block, and its claim not be heard for two seconds.
    await stage.pass(200);
    stage.catchUp.stop();
    expect(stage.asked.filter((peer) => peer === 'honest').length).toBeGreaterThan(1);
  });

  it('does not forget all silences for one block', async () => {
    let answers = 0;
    const stage = createStage({
      // Serves one block after each two claims that it did not keep.
      async fickle(from) {
        answers++;
        if (answers % 3 !== 0) return undefined;
        return encodeRangeAnswer({ headHeight: asHeight(from), blocks: [certified(from)] });
      },
    });
    for (let second = 0; second < 600; second++) {
      stage.catchUp.peerAt('fickle', asHeight(1_000_000));
      await stage.pass(1_000);
    }
    stage.catchUp.stop();
    // Were each block a clean slate, it would be asked three times in about eight seconds.
    expect(answers).toBeGreaterThan(5);
    expect(answers).toBeLessThan(40);
  });

  it('does not take what comes too late for a new claim', async () => {
    let answers = 0;
    const stage = createStage(
      {
        async slow(from) {
          // Later than the others wait, and before the doubt that this brings is over.
          await stage.pause(LIMITS.stragglerMs + LIMITS.minDoubtMs / 2);
          answers++;
          return encodeRangeAnswer({ headHeight: asHeight(1_000_000), blocks: [certified(from)] });
        },
      },
      2_000,
    );
    stage.catchUp.peerAt('honest', stage.honestHeight());
    stage.catchUp.peerAt('slow', asHeight(1_000_000));
    await stage.pass(20_000);
    stage.catchUp.stop();
    expect(answers).toBe(1);
    expect(stage.asked.filter((peer) => peer === 'slow')).toHaveLength(1);
    expect(stage.ends).toHaveLength(1);
  });

  it('believes a peer again when the clock is put back, however long ago that seems', async () => {
    const stage = createStage({ friend: async () => undefined });
    const claim = async () => {
      stage.catchUp.peerAt('friend', asHeight(3));
      await stage.pass(1_000);
      return stage.asked.length;
    };
    expect(await claim()).toBe(1);
    expect(await claim()).toBe(1);
    stage.clock.skewMs = -3_600_000;
    expect(await claim()).toBe(2);
    stage.catchUp.stop();
  });
});
