import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../consensus/certificate.ts';
import { decodeVotes, encodeVotes } from '../../../consensus/codec.ts';
import { asHeight, asRound } from '../../../consensus/types.ts';
import { scanRecords, type WalRecord } from '../../../consensus/wal/records.ts';
import { LIMITS } from '../../../node/validator/limits.ts';
import {
  decodeRangeQuestion,
  encodeBlockQuestion,
  encodeProposalMessage,
  encodeRangeAnswer,
  encodeRangeQuestion,
  encodeStatus,
  encodeStatusAnswer,
} from '../../../node/validator/messages.ts';
import { WAL_FILE } from '../../../node/validator/wal.ts';
import { decodeBlock } from '../../sim/chain.ts';
import { fakeBls } from '../../sim/fake-bls.ts';
import { createRng, type Rng } from '../../sim/random.ts';
import { A, addressOf } from '../consensus/bench.ts';
import { createStage, FIRST_LOOK } from './stage.ts';

type Stage = ReturnType<typeof createStage>;

async function listening(...peers: string[]): Promise<Stage> {
  const stage = createStage();
  stage.boot();
  await stage.run(FIRST_LOOK);
  stage.peers.splice(0, stage.peers.length, ...peers);
  return stage;
}

/** Resolves after `delayMs` of the stage's time. */
const later = <T>(stage: Stage, delayMs: number, value: T): Promise<T> =>
  new Promise((resolve) => void stage.world.at(stage.world.nowMs() + delayMs, () => resolve(value)));

describe('a proposer that signs one block with a time stamp of its own in each proposal', () => {
  const acceptedOf = async (stage: Stage, block: ReturnType<Stage['block']>): Promise<number> => {
    let accepted = 0;
    for (let i = 0; i < 100; i++) {
      const proposal = stage.proposal({ ...block, timestampMs: block.timestampMs + i });
      const verdict = await stage.gossip('proposal', encodeProposalMessage({ proposal, block: undefined }));
      if (verdict === 'accept') accepted++;
    }
    return accepted;
  };

  it('is heard twice, which proves what it did, and fills no log', async () => {
    const stage = await listening('peer');
    expect(await acceptedOf(stage, stage.block())).toBe(2);
    expect(stage.logged('proposal')).toBe(2);
    expect(stage.evidence).toHaveLength(1);
  });

  it('is not heard more often because others vote for the block', async () => {
    const stage = await listening('peer');
    const block = stage.block();
    await stage.votes('prevote', block.blockHash, 0, 1);
    expect(stage.logged('vote')).toBe(2);
    expect(await acceptedOf(stage, block)).toBe(2);
    expect(stage.logged('proposal')).toBe(2);
  });
});

describe('bodies of blocks', () => {
  it('that are rubbish and come every 20 ms do not outrun true bytes that take 50 ms', async () => {
    const stage = await listening('good');
    const block = stage.block();
    const proposal = stage.proposal(block);
    stage.answers.set('block', () => later(stage, 50, block.bytes));
    for (let i = 0; i < 50; i++) {
      const rubbish = encodeProposalMessage({ proposal, block: new Uint8Array(8).fill(i) });
      const done = stage.node.onGossip('proposal', rubbish, 'evil');
      await stage.run(20);
      await done;
    }
    expect(stage.logged('checked')).toBe(1);
    expect(stage.penalties).toEqual([]);
  });

  it('come from who has them although who mentioned the block takes a minute to say nothing', async () => {
    const stage = await listening('slow', 'good');
    const block = stage.block();
    const asked: string[] = [];
    stage.answers.set('block', (_, peer) => {
      asked.push(peer);
      return peer === 'slow' ? later(stage, 59_000, undefined) : block.bytes;
    });
    const mention = encodeProposalMessage({ proposal: stage.proposal(block), block: undefined });
    await stage.gossip('proposal', mention, 'slow');
    await stage.run(2_000);
    expect(asked).toEqual(['slow', 'good']);
    expect(stage.logged('checked')).toBe(1);
  });
});

/**
 * One of everything that a peer may send, some of it far away, and then a few bytes of it changed or cut off.
 * Only validator 0 is faulty: a third of the power may take the others to any round.
 */
function anything(stage: Stage, rng: Rng): Uint8Array {
  const far = 2 ** 53 - 1;
  const block = stage.block();
  const proposal = stage.proposal(block);
  const farRound = () => rng.pick([0, 1, 5, 2 ** 32 - 1]);
  const votes = [0, 1, 2].map((i) =>
    stage.vote(i, rng.pick(['prevote', 'precommit'] as const), rng.pick([A, null]), {
      round: i === 0 ? farRound() : rng.pick([0, 1]),
      height: rng.pick([0, 1, 1, 1, 2, far]),
    }),
  );
  const summary = {
    round: asRound(farRound()),
    hasProposal: true,
    prevotes: Uint8Array.of(1),
    precommits: Uint8Array.of(255),
  };
  const certificate = {
    height: asHeight(1),
    round: asRound(0),
    blockHash: A,
    bitmap: Uint8Array.of(rng.pick([7, 15, 255])),
    signature: new Uint8Array(96),
  };
  const headHeight = asHeight(rng.pick([0, 1, 2, far]));
  const whole = rng.pick([
    encodeVotes(votes),
    encodeProposalMessage({ proposal, block: rng.pick([block.bytes, undefined]) }),
    encodeStatus({ height: headHeight, round: asRound(farRound()), rounds: [summary] }),
    encodeStatusAnswer({ headHeight, proposals: [proposal], votes }),
    encodeRangeQuestion({ from: asHeight(rng.pick([1, far])), count: rng.pick([1, 64]) }),
    encodeBlockQuestion({ height: asHeight(1), blockHash: block.blockHash }),
    encodeRangeAnswer({ headHeight, blocks: [{ certificate, bytes: block.bytes }] }),
  ]);
  const bytes = whole.slice(0, rng.chance(0.2) ? rng.int(whole.length + 1) : whole.length);
  for (let i = bytes.length === 0 ? 0 : rng.pick([0, 0, 1, 2, 8]); i > 0; i--)
    bytes[rng.int(bytes.length)] = rng.pick([0, 1, 127, 128, 255, rng.int(256)]);
  return bytes;
}

describe('whatever peers send and answer', () => {
  it.each([1, 2, 3])('the node goes on (seed %i)', async (seed) => {
    const rng = createRng(seed, 'hostile peers');
    const stage = createStage();
    for (const kind of ['status', 'block', 'range'])
      stage.answers.set(kind, () => (rng.chance(0.3) ? undefined : anything(stage, rng)));
    stage.boot();
    await stage.run(FIRST_LOOK);
    const verdicts = new Set<string>();
    for (let i = 0; i < 300; i++) {
      if (rng.chance(0.6)) {
        const kind = rng.pick(['votes', 'proposal'] as const);
        const verdict = stage.node.onGossip(kind, anything(stage, rng), 'peer');
        await stage.run(rng.pick([1, 20]));
        verdicts.add(await verdict);
      } else {
        const kind = rng.pick(['status', 'block', 'range'] as const);
        const answer = stage.node.onRequest(kind, anything(stage, rng), 'peer');
        await stage.run(rng.pick([1, 20]));
        await answer;
      }
      expect(stage.halts, `seed ${seed}, message ${i}`).toEqual([]);
    }
    // Some of it was right, some known, some wrong: the test did not only knock at the door.
    expect([...verdicts].sort()).toEqual(['accept', 'ignore', 'reject']);
  });
});

/** The blocks that the log holds. */
const logged = (stage: Stage): WalRecord[] =>
  scanRecords(stage.disk.content(WAL_FILE)!).records.filter(({ kind }) => kind === 'block');

it('a valid block of an early round that is offered as new in a late one is logged once a third has prevoted it', async () => {
  const stage = await listening('peer');
  await stage.gossip('votes', encodeVotes([0, 2].map((i) => stage.vote(i, 'precommit', null, { round: 1 }))));
  const block = stage.block('ann/0/bob/2');
  const proposal = stage.proposal(block, 1, 1);
  await stage.gossip('proposal', encodeProposalMessage({ proposal, block: block.bytes }));
  await stage.run(50);
  expect(logged(stage)).toEqual([]);
  await stage.gossip(
    'votes',
    encodeVotes([0, 2].map((i) => stage.vote(i, 'prevote', block.blockHash, { round: 1 }))),
  );
  await stage.run(50);
  expect(logged(stage)).toHaveLength(1);
  const { records } = scanRecords(stage.disk.content(WAL_FILE)!);
  const isVerdict = (one: WalRecord) => one.kind === 'input' && one.input.kind === 'checked';
  expect(records.findIndex(({ kind }) => kind === 'block')).toBeLessThan(records.findIndex(isVerdict));
});

it('rounds that were forgotten do not let a proposer fill the log with blocks of them', async () => {
  const stage = await listening('peer');
  const offer = (block: ReturnType<Stage['block']>, by: number, round: number, bytes?: Uint8Array) =>
    stage.gossip(
      'proposal',
      encodeProposalMessage({ proposal: stage.proposal(block, by, round), block: bytes }),
    );
  for (let round = 1; round < 1_080; round++) {
    await stage.gossip('votes', encodeVotes([1, 2].map((i) => stage.vote(i, 'precommit', null, { round }))));
    const block = stage.block(`ann/0/bob/${round}`);
    const isLate = round > 1_030 && round % 4 === 0;
    await offer(block, round % 4, round, isLate ? block.bytes : undefined);
    // Round 0 is forgotten by now.
    if (isLate) await offer(block, 0, 0);
    await stage.run(2);
  }
  const byTheProposer = logged(stage).filter(
    (one) => one.kind === 'block' && decodeBlock(one.bytes)!.proposer === addressOf(0),
  );
  expect(byTheProposer).toEqual([]);
}, 60_000);

it('valid blocks of an early round that a proposer offers in its later turns are not logged, since nobody may vote for them', async () => {
  const stage = await listening('peer');
  let accepted = 0;
  for (let round = 1; round < 80; round += 4) {
    // Two others are in that round already, so this node is, too.
    await stage.gossip('votes', encodeVotes([0, 2].map((i) => stage.vote(i, 'precommit', null, { round }))));
    const block = stage.block(`ann/0/bob/${round + 1}`);
    const proposal = stage.proposal(block, 1, round);
    const verdict = await stage.gossip('proposal', encodeProposalMessage({ proposal, block: block.bytes }));
    if (verdict === 'accept') accepted++;
    await stage.run(5);
  }
  expect(accepted).toBe(20);
  expect(logged(stage)).toEqual([]);
});

describe('a peer that claims blocks and says nothing', () => {
  const silentClaim = (self: number): Stage => {
    const stage = createStage(self);
    const headHeight = asHeight(1_000);
    stage.answers.set('status', () => encodeStatusAnswer({ headHeight, proposals: [], votes: [] }));
    stage.answers.set('range', () => later(stage, 60_000, undefined));
    return stage;
  };

  it('does not make a key of unknown past sign, which has not heard where the chain is', async () => {
    const stage = silentClaim(0);
    stage.boot();
    stage.app.addTransaction('ann/0/bob/1');
    await stage.run(30_000);
    expect(stage.signed).toEqual([]);
  });

  /** Block 1 of the chain, as a range brings it. */
  const firstBlock = (stage: Stage) => {
    const block = stage.block();
    const certificate = makeCertificate(
      stage.set,
      [0, 1, 2].map((i) => stage.vote(i, 'precommit', block.blockHash)),
      fakeBls.aggregate,
    );
    return { certificate, bytes: block.bytes };
  };

  it('does not keep a node that was catching up from voting', async () => {
    const stage = await listening('peer');
    const first = firstBlock(stage);
    for (const nonce of [0, 1]) stage.app.addTransaction(`ann/${nonce}/bob/1`);
    stage.answers.set('range', (question) =>
      decodeRangeQuestion(question).from === 1
        ? encodeRangeAnswer({ headHeight: asHeight(9), blocks: [first] })
        : later(stage, 60_000, undefined),
    );
    await stage.node.onRequest(
      'status',
      encodeStatus({ height: asHeight(10), round: asRound(0), rounds: [] }),
      'peer',
    );
    await stage.run(LIMITS.stragglerMs + 3_000);
    expect(stage.node.status()).toMatchObject({ headHeight: 1, height: 2, voting: true });
    const heights = stage.sent
      .filter(({ kind }) => kind === 'votes')
      .flatMap(({ bytes }) => decodeVotes(bytes).map(({ height }) => height));
    expect(heights).toContain(2);
  });

  it('does not let a key of unknown past leave out other heights than the first two at the head', async () => {
    const stage = createStage(3);
    const first = firstBlock(stage);
    const headHeight = asHeight(1);
    stage.answers.set('status', () => encodeStatusAnswer({ headHeight, proposals: [], votes: [] }));
    stage.answers.set('range', () =>
      later(stage, LIMITS.stragglerMs + 2_000, encodeRangeAnswer({ headHeight, blocks: [first] })),
    );
    stage.boot();
    await stage.run(LIMITS.stragglerMs + 2_500);
    expect(stage.node.status()).toMatchObject({ height: 2, voting: false });
    expect(stage.signed).toEqual([]);
  });
});
