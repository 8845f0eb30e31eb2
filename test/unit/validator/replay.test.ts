import { describe, expect, it } from 'vitest';
import { voteSignBytes } from '../../../consensus/sign-bytes.ts';
import { asHeight, asRound } from '../../../consensus/types.ts';
import { proposerAt } from '../../../consensus/validator-set/rotation.ts';
import {
  decodeLastSigned,
  encodeLastSigned,
  FREE_TO_SIGN,
  SIGN_STEP,
} from '../../../consensus/wal/last-signed.ts';
import { encodeRecord, type WalRecord } from '../../../consensus/wal/records.ts';
import { LIMITS } from '../../../node/validator/limits.ts';
import { encodeProposalMessage } from '../../../node/validator/messages.ts';
import { LAST_SIGNED_FILE } from '../../../node/validator/signing.ts';
import { WAL_FILE } from '../../../node/validator/wal.ts';
import { A, addressOf, B, GENESIS, setOf } from '../consensus/bench.ts';
import { createStage, FIRST_LOOK } from './stage.ts';

type Stage = ReturnType<typeof createStage>;

const storageOf = (stage: Stage) =>
  stage.disk.mount(
    () => true,
    () => {},
    () => {},
  );

/** What a node without the key saw of height 1: round 0 failed, and round 1 brought the valid block B. */
function logOfOnlooker(stage: Stage): WalRecord[] {
  const nowMs = stage.world.nowMs();
  const inRoundOne = proposerAt(setOf([1, 1, 1, 1]), asRound(1)).address;
  const by = [0, 1, 2].find((index) => addressOf(index) === inRoundOne)!;
  const proposal = stage.proposal({ blockHash: B, timestampMs: nowMs }, by, 1);
  return [
    { kind: 'height', genesisHash: GENESIS, height: asHeight(1) },
    { kind: 'input', input: { kind: 'start', nowMs, transactions: false, parentComplete: true } },
    ...[0, 1].map((index): WalRecord => {
      const vote = stage.vote(index, 'prevote', null, { round: 1 });
      return { kind: 'input', input: { kind: 'vote', nowMs, vote } };
    }),
    { kind: 'input', input: { kind: 'proposal', nowMs, arrivalMs: nowMs, proposal } },
    { kind: 'block', blockHash: B, bytes: stage.block().bytes },
    {
      kind: 'input',
      input: {
        kind: 'checked',
        nowMs,
        blockHash: B,
        verdict: { answer: 'valid', originRound: asRound(1), timestampMs: nowMs },
      },
    },
  ];
}

/** A node with that log, whose key came from another machine or was there all the time. */
async function restarted(precommitted: 'before' | 'never'): Promise<Stage> {
  const stage = createStage();
  const storage = storageOf(stage);
  const log = storage.openAppend(WAL_FILE);
  for (const record of logOfOnlooker(stage)) log.append(encodeRecord(record));
  log.fsync();
  // The record that came with the key: it has precommitted block A in round 0, so it is locked on it.
  const message = voteSignBytes(GENESIS, stage.vote(3, 'precommit', A));
  const place = { height: asHeight(1), round: asRound(0), step: SIGN_STEP.precommit, loggedBefore: 1 };
  const last = precommitted === 'before' ? { ...place, message } : FREE_TO_SIGN;
  storage.replaceFile(LAST_SIGNED_FILE, encodeLastSigned(last));
  stage.boot();
  await stage.run(5_000);
  return stage;
}

describe('the replay of a log', () => {
  it('signs nothing on a log written without the key, under a record that came with it', async () => {
    const stage = await restarted('before');
    expect(stage.node.status()).toMatchObject({ height: 1, voting: false });
    expect(stage.node.status().round).toBeGreaterThanOrEqual(1);
    expect(stage.signed).toEqual([]);
  });

  it('signs on the same log where the key has no past in this height', async () => {
    const stage = await restarted('never');
    expect(stage.node.status()).toMatchObject({ height: 1, voting: true });
    const prevote = voteSignBytes(GENESIS, stage.vote(3, 'prevote', B, { round: 1 }));
    expect(stage.signed.map((message) => Buffer.from(message).toString('hex'))).toContain(
      Buffer.from(prevote).toString('hex'),
    );
  });

  /** A validator that is about to sign its prevote, or as the proposer its proposal. */
  const beginnings = {
    async votes() {
      const stage = createStage(3);
      stage.boot();
      await stage.run(FIRST_LOOK);
      const block = stage.block();
      const message = encodeProposalMessage({ proposal: stage.proposal(block), block: block.bytes });
      return { stage, go: () => void stage.node.onGossip('proposal', message, 'peer') };
    },
    async proposal() {
      const stage = createStage(0);
      stage.boot();
      await stage.run(LIMITS.lookAroundMs - 100);
      return { stage, go: () => void stage.app.addTransaction('ann/0/bob/1') };
    },
  };

  it.each(['votes', 'proposal'] as const)(
    'sends the %s signed and not sent when the process died',
    async (kind) => {
      const unsent: number[] = [];
      for (let step = 1; step <= 32; step++) {
        const { stage, go } = await beginnings[kind]();
        const sent = () => stage.sent.filter((one) => one.kind === kind).length;
        stage.writeStepsLeft = step;
        go();
        await stage.run(500);
        const record = decodeLastSigned(stage.disk.content(LAST_SIGNED_FILE)!, LAST_SIGNED_FILE);
        if (record.height !== 1 || sent() > 0) continue;
        unsent.push(step);
        stage.kill();
        stage.boot();
        await stage.run(100);
        expect(sent(), `crash at step ${step}`).toBeGreaterThan(0);
      }
      expect(unsent.length).toBeGreaterThan(0);
    },
  );
});
