import { describe, expect, it } from 'vitest';
import { encodeVotes } from '../../../consensus/codec.ts';
import { proposalSignBytes } from '../../../consensus/sign-bytes.ts';
import { asHeight, asRound, type Proposal } from '../../../consensus/types.ts';
import { proposerAt } from '../../../consensus/validator-set/rotation.ts';
import { scanFrames } from '../../../consensus/wal/frame.ts';
import { encodeLastSigned, NEVER_SIGNED } from '../../../consensus/wal/last-signed.ts';
import { decodeRecord } from '../../../consensus/wal/records.ts';
import { LIMITS } from '../../../node/validator/limits.ts';
import {
  decodeRangeAnswer,
  decodeStatusAnswer,
  encodeBlockQuestion,
  encodeProposalMessage,
  encodeRangeQuestion,
  encodeStatus,
} from '../../../node/validator/messages.ts';
import type { GossipVerdict } from '../../../node/validator/ports.ts';
import { LAST_SIGNED_FILE } from '../../../node/validator/signing.ts';
import { WAL_FILE } from '../../../node/validator/wal.ts';
import { decodeBlock } from '../../sim/chain.ts';
import { SIM_PARAMETERS } from '../../sim/options.ts';
import { A, addressOf, B, GENESIS } from '../consensus/bench.ts';
import { createStage, FIRST_LOOK, signAs } from './stage.ts';

describe('gossip is judged before it is relayed', () => {
  it('accepts what is new, ignores what is known, rejects what is wrong', async () => {
    const stage = createStage();
    stage.boot();
    await stage.run(FIRST_LOOK);
    expect(await stage.votes('prevote', A, 0)).toBe('accept');
    expect(await stage.votes('prevote', A, 0)).toBe('ignore');
    expect(await stage.gossip('votes', Uint8Array.of(1, 2, 3))).toBe('reject');
    const forged = { ...stage.vote(1, 'prevote', A), signature: stage.vote(2, 'prevote', A).signature };
    expect(await stage.gossip('votes', encodeVotes([forged]))).toBe('reject');
    const stranger = { ...stage.vote(1, 'prevote', A), validator: addressOf(7) };
    expect(await stage.gossip('votes', encodeVotes([stranger]))).toBe('reject');
    expect(stage.penalties).toEqual(['MALFORMED', 'BAD_SIGNATURE', 'NOT_AUTHORISED']);
  });

  it('a forged vote among good ones is found, and the good ones count', async () => {
    const stage = createStage(undefined);
    stage.boot();
    await stage.run(FIRST_LOOK);
    const forged = { ...stage.vote(3, 'prevote', A), signature: new Uint8Array(96) };
    const batch = [
      stage.vote(0, 'prevote', A),
      forged,
      stage.vote(1, 'prevote', A),
      stage.vote(2, 'prevote', A),
    ];
    expect(await stage.gossip('votes', encodeVotes(batch))).toBe('reject');
    expect(await stage.votes('prevote', A, 0)).toBe('ignore');
    expect(await stage.votes('prevote', A, 3)).toBe('accept');
  });

  it('keeps room for the votes of everybody when one votes for the next height without end', async () => {
    const stage = createStage();
    stage.boot();
    await stage.run(FIRST_LOOK);
    const ahead = (index: number, round: number) =>
      stage.gossip('votes', encodeVotes([stage.vote(index, 'prevote', null, { height: 2, round })]));
    const verdicts: GossipVerdict[] = [];
    for (let round = 0; round < 20; round++) verdicts.push(await ahead(1, round));
    expect(verdicts.filter((verdict) => verdict === 'accept').length).toBe(LIMITS.maxFutureVotesPerValidator);
    expect(verdicts.at(-1)).toBe('ignore');
    expect(await ahead(2, 0)).toBe('accept');
  });

  it('keeps two proposals of a round of the next height, whatever its proposer signs, and room for votes', async () => {
    const stage = createStage();
    stage.boot();
    await stage.run(FIRST_LOOK);
    const proposer = proposerAt(stage.app.head().nextValidators, asRound(0)).address;
    const by = [0, 1, 2, 3].find((index) => addressOf(index) === proposer)!;
    const verdicts: GossipVerdict[] = [];
    for (let i = 0; i < 10; i++) {
      const { signature: _, ...proposal } = stage.proposal(stage.block(`ann/0/bob/${i + 1}`), by);
      const ahead = { ...proposal, height: asHeight(2) };
      const signature = signAs(by, proposalSignBytes(GENESIS, ahead));
      const message = encodeProposalMessage({
        proposal: { ...ahead, signature },
        block: new Uint8Array(1000).fill(i),
      });
      verdicts.push(await stage.gossip('proposal', message));
    }
    expect(verdicts.filter((verdict) => verdict === 'accept').length).toBe(2);
    expect(stage.penalties).toEqual([]);
  });

  it('writes a vote into the log once, however often one message repeats it', async () => {
    const stage = createStage();
    stage.boot();
    await stage.run(FIRST_LOOK);
    const one = stage.vote(1, 'prevote', A);
    await stage.gossip('votes', encodeVotes([one, one, one]));
    await stage.gossip('votes', encodeVotes([one]));
    // Nor does it take a vote for a round that its author has left, over and over.
    const late = { ...stage.vote(1, 'prevote', A, { round: 5 }) };
    await stage.gossip('votes', encodeVotes([stage.vote(1, 'prevote', A, { round: 9 })]));
    expect(await stage.gossip('votes', encodeVotes([late]))).toBe('ignore');
    const scan = scanFrames(stage.disk.content(WAL_FILE)!);
    const votes = scan.frames
      .map(decodeRecord)
      .filter((record) => record.kind === 'input' && record.input.kind === 'vote');
    expect(votes).toHaveLength(2);
  });

  it('a proposal out of turn or with a wrong signature is rejected', async () => {
    const stage = createStage();
    stage.boot();
    await stage.run(FIRST_LOOK);
    const block = stage.block();
    const message = (proposal: Proposal) => encodeProposalMessage({ proposal, block: block.bytes });
    expect(await stage.gossip('proposal', message(stage.proposal(block, 1)))).toBe('reject');
    expect(await stage.gossip('proposal', message({ ...stage.proposal(block), timestampMs: 1 }))).toBe(
      'reject',
    );
    expect(await stage.gossip('proposal', message(stage.proposal(block)))).toBe('accept');
    expect(await stage.gossip('proposal', message(stage.proposal(block)))).toBe('ignore');
    expect(stage.penalties).toEqual(['NOT_AUTHORISED', 'BAD_SIGNATURE']);
  });

  it('two votes of one key go to the executor as evidence', async () => {
    const stage = createStage();
    stage.boot();
    await stage.run(FIRST_LOOK);
    await stage.votes('prevote', A, 1);
    await stage.votes('prevote', B, 1);
    expect(stage.evidence).toHaveLength(1);
  });
});

describe('blocks', () => {
  it('B1: a body that is not the block is fetched again from somebody who has it', async () => {
    const stage = createStage();
    stage.boot();
    await stage.run(FIRST_LOOK);
    const block = stage.block();
    stage.answers.set('block', () => block.bytes);
    const proposal = stage.proposal(block);
    expect(await stage.gossip('proposal', encodeProposalMessage({ proposal, block: Uint8Array.of(1) }))).toBe(
      'accept',
    );
    await stage.run(50);
    expect(stage.sent.filter((one) => one.kind === 'votes')).toHaveLength(1);
    expect(stage.penalties).toEqual([]);
  });

  it('B1: hands on only what it has judged, since whoever serves rubbish is blamed for it', async () => {
    const stage = createStage();
    stage.boot();
    await stage.run(FIRST_LOOK);
    const block = stage.block();
    stage.answers.set('block', () => block.bytes);
    const asked = encodeBlockQuestion({ height: asHeight(1), blockHash: block.blockHash });
    const rubbish = encodeProposalMessage({ proposal: stage.proposal(block), block: Uint8Array.of(1) });
    void stage.node.onGossip('proposal', rubbish, 'peer');
    expect(await stage.node.onRequest('block', asked, 'other')).toBeUndefined();
    await stage.run(50);
    expect(await stage.node.onRequest('block', asked, 'other')).toEqual(block.bytes);
  });

  it('B1: who serves something else when asked for a block is penalised', async () => {
    const stage = createStage();
    stage.boot();
    await stage.run(FIRST_LOOK);
    const block = stage.block();
    stage.answers.set('block', () => stage.block('ann/0/cat/2').bytes);
    await stage.gossip(
      'proposal',
      encodeProposalMessage({ proposal: stage.proposal(block), block: undefined }),
    );
    await stage.run(50);
    expect(stage.penalties).toContain('WRONG_BLOCK');
    expect(stage.sent.filter((one) => one.kind === 'votes')).toHaveLength(0);
  });

  it('A2: what was decided is served with a certificate that anyone can check', async () => {
    const stage = createStage();
    stage.boot();
    await stage.run(FIRST_LOOK);
    const block = stage.block();
    await stage.gossip(
      'proposal',
      encodeProposalMessage({ proposal: stage.proposal(block), block: block.bytes }),
    );
    await stage.votes('prevote', block.blockHash, 0, 1);
    await stage.votes('precommit', block.blockHash, 0, 1);
    await stage.run(50);
    expect(stage.node.status()).toMatchObject({ headHeight: 1, height: 2 });
    const answer = stage.node.onRequest(
      'range',
      encodeRangeQuestion({ from: asHeight(1), count: 8 }),
      'peer',
    );
    await stage.run(50);
    const { blocks } = decodeRangeAnswer((await answer)!);
    expect(blocks).toHaveLength(1);
    expect(decodeBlock(blocks[0]!.bytes)?.transactions).toEqual(['ann/0/bob/1']);
    // A node that lags is told so, and given the range above.
    const status = stage.node.onRequest(
      'status',
      encodeStatus({ height: asHeight(1), round: asRound(0), rounds: [] }),
      'peer',
    );
    expect(decodeStatusAnswer((await status)!)).toEqual({ headHeight: 1, proposals: [], votes: [] });
  });
});

describe('a clock that is put right in the middle of a height', () => {
  it.each([0, -3_600_000])('by %i ms: the node votes and asks its peers as before', async (skewMs) => {
    const stage = createStage();
    const asks = { count: 0 };
    stage.answers.set('status', () => {
      asks.count++;
      return undefined;
    });
    stage.boot();
    await stage.run(FIRST_LOOK);
    expect(stage.signed).toEqual([]);
    asks.count = 0;
    stage.skewMs = skewMs;
    // One heartbeat until the node looks at its clock again, and one from then on.
    await stage.run(2 * SIM_PARAMETERS.heartbeatMs + SIM_PARAMETERS.proposeTimeoutMs + 1_000);
    expect(stage.signed).not.toEqual([]);
    expect(asks.count).toBeGreaterThan(0);
  });
});

describe('restart', () => {
  it('repeats the same votes after a crash before and after every single write, and never another one', async () => {
    for (let step = 1; step <= 32; step++) {
      const stage = createStage();
      stage.boot();
      await stage.run(FIRST_LOOK);
      const block = stage.block();
      stage.writeStepsLeft = step;
      const proposal = encodeProposalMessage({ proposal: stage.proposal(block), block: block.bytes });
      await stage.gossip('proposal', proposal);
      await stage.votes('prevote', block.blockHash, 0, 1);
      await stage.run(20);
      stage.kill();
      stage.boot();
      await stage.run(20);
      await stage.gossip('proposal', proposal);
      await stage.votes('prevote', block.blockHash, 0, 1);
      await stage.run(20);
      const messages = new Set(stage.signed.map((message) => Buffer.from(message).toString('hex')));
      expect(messages.size, `crash at step ${step}`).toBe(2);
      expect(stage.node.status()).toMatchObject({ step: 'precommit', voting: true });
      expect(stage.halts.filter((message) => message !== 'dead')).toEqual([]);
    }
  });

  it('a key whose record went missing on a running chain does not sign, and says so', async () => {
    const stage = createStage();
    stage.boot();
    await stage.run(FIRST_LOOK);
    const block = stage.block();
    await stage.gossip(
      'proposal',
      encodeProposalMessage({ proposal: stage.proposal(block), block: block.bytes }),
    );
    await stage.votes('precommit', block.blockHash, 0, 1, 2);
    await stage.run(50);
    stage.kill();
    stage.disk.wipe([]);
    stage.boot();
    await stage.run(20);
    expect(stage.node.status()).toMatchObject({ headHeight: 1, voting: false });
    expect(stage.logs.some((line) => line.startsWith('LAST_SIGNED_MISSING'))).toBe(true);
    stage.kill();
    stage.boot({ keyNeverSigned: true });
    await stage.run(20);
    expect(stage.node.status().voting).toBe(true);
  });

  /** A node that has signed a prevote and a precommit in its first height. */
  async function precommitted() {
    const stage = createStage();
    stage.boot();
    await stage.run(FIRST_LOOK);
    const block = stage.block();
    await stage.gossip(
      'proposal',
      encodeProposalMessage({ proposal: stage.proposal(block), block: block.bytes }),
    );
    await stage.votes('prevote', block.blockHash, 0, 1);
    await stage.run(20);
    return stage;
  }

  it('sits out a height whose log was lost after signing in it', async () => {
    const stage = await precommitted();
    stage.kill();
    const record = stage.disk.mount(
      () => true,
      () => {},
      () => {},
    );
    const lastSigned = record.readFile(LAST_SIGNED_FILE)!;
    stage.disk.wipe([]);
    record.replaceFile(LAST_SIGNED_FILE, lastSigned);
    stage.boot();
    await stage.run(20);
    expect(stage.node.status()).toMatchObject({ height: 1, voting: false });
  });

  it('sits it out after every restart: what happens meanwhile may lead to the last message without the lock', async () => {
    const stage = await precommitted();
    /** Round 0 fails for all, and nobody proposes in round 1: nil. */
    const toNilInRoundOne = async () => {
      await stage.votes('precommit', null, 0, 1, 2);
      await stage.run(3_000);
    };
    await toNilInRoundOne();
    expect(stage.signed.length).toBe(3);
    stage.kill();
    stage.disk.cut(WAL_FILE, 0);
    stage.boot();
    await stage.run(20);
    await toNilInRoundOne();
    expect(stage.node.status()).toMatchObject({ height: 1, round: 1, voting: false });
    // An orderly restart: everything that was written is there.
    await stage.node.stop();
    stage.boot();
    await stage.run(20);
    expect(stage.node.status()).toMatchObject({ height: 1, voting: false });
  });

  it('sits out a height whose log lost its end, and with it a lock', async () => {
    const stage = await precommitted();
    expect(stage.signed.length).toBe(2);
    stage.kill();
    // The own precommit was not synced. What stands before it, the prevotes of others, is damaged: a scan takes them
    // for a torn end.
    const frames = scanFrames(stage.disk.content(WAL_FILE)!).frames;
    const own = frames.findIndex((frame) => decodeRecord(frame).kind === 'ownVote');
    expect(own).toBeGreaterThan(0);
    stage.disk.cut(WAL_FILE, frames[own + 1]!.offset);
    stage.boot();
    await stage.run(20);
    expect(stage.node.status()).toMatchObject({ height: 1, voting: false });
  });

  it('a first start listens before it signs: its chain may be running', async () => {
    const stage = createStage(0);
    stage.answers.set('status', () => undefined);
    stage.boot();
    stage.app.addTransaction('ann/0/bob/1');
    await stage.run(LIMITS.lookAroundMs - 100);
    expect(stage.signed).toEqual([]);
    await stage.run(1_000);
    expect(stage.signed.length).toBeGreaterThan(0);
  });

  it('a key in a new directory under a running chain leaves out the heights that it may have signed before', async () => {
    const stage = createStage();
    stage.boot();
    await stage.run(FIRST_LOOK);
    const block = stage.block();
    await stage.gossip(
      'proposal',
      encodeProposalMessage({ proposal: stage.proposal(block), block: block.bytes }),
    );
    await stage.votes('precommit', block.blockHash, 0, 1, 2);
    await stage.run(50);
    await stage.node.stop();
    // Its database came from elsewhere, as catching up from an empty one would have left it.
    stage.kill();
    stage.disk.wipe([]);
    stage.disk
      .mount(
        () => true,
        () => {},
        () => {},
      )
      .replaceFile(LAST_SIGNED_FILE, encodeLastSigned(NEVER_SIGNED));
    const before = stage.signed.length;
    stage.boot();
    await stage.run(5_000);
    expect(stage.node.status()).toMatchObject({ height: 2, voting: false });
    expect(stage.signed.length).toBe(before);
    stage.kill();
    stage.boot({ keyNeverSigned: true });
    await stage.run(20);
    expect(stage.node.status().voting).toBe(true);
  });
});
