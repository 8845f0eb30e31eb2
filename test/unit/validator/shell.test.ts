import { describe, expect, it } from 'vitest';
import { encodeVotes } from '../../../consensus/codec.ts';
import { proposalSignBytes, voteSignBytes } from '../../../consensus/sign-bytes.ts';
import {
  asHeight,
  asRound,
  type Hash,
  NO_ROUND,
  type Proposal,
  type UnsignedVote,
  type Vote,
  type VoteType,
} from '../../../consensus/types.ts';
import { proposerAt } from '../../../consensus/validator-set/rotation.ts';
import { createValidatorSet } from '../../../consensus/validator-set/set.ts';
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
import type { GossipVerdict, Net, PenaltyCode, ValidatorHandle } from '../../../node/validator/ports.ts';
import { LAST_SIGNED_FILE } from '../../../node/validator/signing.ts';
import { createValidator } from '../../../node/validator/validator.ts';
import { WAL_FILE } from '../../../node/validator/wal.ts';
import {
  type ChainRules,
  createChainDisk,
  createSimApp,
  decodeBlock,
  execute,
  hashOf,
} from '../../sim/chain.ts';
import { createDisk } from '../../sim/disk.ts';
import { fakeBls, fakePublicKey, fakeSigner } from '../../sim/fake-bls.ts';
import { SIM_PARAMETERS } from '../../sim/options.ts';
import { createRng } from '../../sim/random.ts';
import { createWorld } from '../../sim/world.ts';
import { A, addressOf, B, GENESIS } from '../consensus/bench.ts';

const START = 1_700_000_000_000;

/** One real validator (index `self` of four equal ones) in a world where the test plays all the others. */
function createStage(self: number | undefined = 3) {
  const set = createValidatorSet(
    [0, 1, 2, 3].map((i) => ({
      address: addressOf(i),
      blsPublicKey: fakePublicKey(i),
      power: 1n,
      recipient: addressOf(i),
      priority: 0n,
    })),
  );
  const rules: ChainRules = { genesisHash: GENESIS, genesis: set, startMs: START, members: () => undefined };
  const world = createWorld(START);
  const chain = createChainDisk(rules);
  const disk = createDisk({ tears: false, lies: false, rng: createRng(1, 'disk') });
  const penalties: PenaltyCode[] = [];
  const sent: { kind: string; bytes: Uint8Array }[] = [];
  const halts: string[] = [];
  const logs: string[] = [];
  const evidence: Uint8Array[] = [];
  const signed: Uint8Array[] = [];
  const peers: string[] = ['peer'];
  const answers = new Map<string, (payload: Uint8Array) => Uint8Array | undefined>();
  const life = { up: false };
  const net: Net = {
    broadcast: (kind, bytes) => void sent.push({ kind, bytes }),
    peers: () => peers,
    request: async (_, kind, payload) => answers.get(kind)?.(payload),
    penalise: (_, code) => void penalties.push(code),
  };
  let handle: ValidatorHandle | undefined;
  const stage = {
    world,
    chain,
    disk,
    penalties,
    sent,
    halts,
    logs,
    evidence,
    signed,
    answers,
    peers,
    /** The process dies at this many steps from now: before and after each write. */
    writeStepsLeft: Number.POSITIVE_INFINITY,
    app: undefined as unknown as ReturnType<typeof createSimApp>,
    boot(options: { keyNeverSigned?: boolean } = {}): ValidatorHandle {
      const current = { up: true };
      life.up = true;
      const alive = () => current.up && life.up;
      const app = createSimApp(
        {
          world,
          rng: createRng(1, 'stage'),
          disk: chain,
          faults: {
            unknownChance: () => 0,
            unknownMs: 1,
            announces: true,
            executeMs: 0,
            brokenBlocks: 0,
            falseTimes: 0,
          },
          alive,
          step: () => {},
          later: (delayMs, work) =>
            void world.at(world.nowMs() + delayMs, () => {
              if (alive()) work();
            }),
          onBuilt: () => {},
          onJudged: () => {},
          onCommit: () => {},
          onEvidence: (one) => void evidence.push(one),
        },
        rules,
      );
      stage.app = app;
      const signer =
        self === undefined
          ? {}
          : { signer: fakeSigner(addressOf(self), fakePublicKey(self), (m) => void signed.push(m)) };
      handle = createValidator({
        ...options,
        genesisHash: GENESIS,
        parameters: SIM_PARAMETERS,
        onHalt: (message) => void halts.push(message),
        env: {
          clock: {
            nowMs: () => world.nowMs(),
            setTimer: (delayMs, run) => {
              const event = world.at(world.nowMs() + delayMs, () => {
                if (current.up && life.up) run();
              });
              return () => event.cancel();
            },
          },
          random: { int: () => 0 },
          storage: disk.mount(
            () => current.up,
            () => {
              if (--stage.writeStepsLeft === 0) current.up = false;
            },
            () => {},
          ),
          bls: fakeBls,
          app,
          net,
          log: (_, message) => void logs.push(message),
          ...signer,
        },
      });
      void handle.start();
      return handle;
    },
    get node(): ValidatorHandle {
      return handle!;
    },
    kill(): void {
      life.up = false;
      stage.writeStepsLeft = Number.POSITIVE_INFINITY;
      disk.afterCrash(createRng(1, 'crash'));
    },
    run: (ms: number) => world.run(world.nowMs() + ms),
    async gossip(kind: 'proposal' | 'votes', bytes: Uint8Array): Promise<GossipVerdict> {
      const verdict = stage.node.onGossip(kind, bytes, 'peer');
      await stage.run(1);
      return await verdict;
    },
    vote(
      index: number,
      type: VoteType,
      blockHash: Hash | null,
      at: { height?: number; round?: number } = {},
    ): Vote {
      const unsigned: UnsignedVote = {
        type,
        height: asHeight(at.height ?? 1),
        round: asRound(at.round ?? 0),
        blockHash,
        validator: addressOf(index),
      };
      return { ...unsigned, signature: signAs(index, voteSignBytes(GENESIS, unsigned)) };
    },
    votes: (type: VoteType, blockHash: Hash | null, ...indexes: number[]) =>
      stage.gossip('votes', encodeVotes(indexes.map((index) => stage.vote(index, type, blockHash)))),
    /** A block that validator 0 could have built for height 1. */
    block(transaction = 'ann/0/bob/1') {
      const { stateRoot, receiptsRoot } = execute(chain.ledger, [transaction])!;
      const reveal = signAs(0, revealBytes());
      const bytes = new Uint8Array(
        Buffer.from(
          JSON.stringify({
            height: 1,
            parent: GENESIS,
            originRound: 0,
            timestampMs: world.nowMs(),
            proposer: addressOf(0),
            reveal: Buffer.from(reveal).toString('hex'),
            lastCommit: null,
            transactions: [transaction],
            broken: false,
            stateRoot,
            receiptsRoot,
          }),
        ),
      );
      return { bytes, blockHash: hashOf(bytes), timestampMs: world.nowMs() };
    },
    proposal(block: { blockHash: Hash; timestampMs: number }, by = 0): Proposal {
      const unsigned = {
        height: asHeight(1),
        round: asRound(0),
        blockHash: block.blockHash,
        timestampMs: block.timestampMs,
        validRound: NO_ROUND as typeof NO_ROUND,
        proposer: addressOf(by),
      };
      return { ...unsigned, signature: signAs(by, proposalSignBytes(GENESIS, unsigned)) };
    },
  };
  return stage;
}

function signAs(index: number, message: Uint8Array): Uint8Array {
  return fakeSigner(addressOf(index), fakePublicKey(index), () => {}).sign(message);
}

function revealBytes(): Uint8Array {
  const tag = Buffer.from('OL/reveal/v1');
  const height = Buffer.alloc(8);
  height.writeBigUInt64BE(1n);
  return new Uint8Array(
    Buffer.concat([Buffer.of(tag.length), tag, Buffer.from(GENESIS.slice(2), 'hex'), height]),
  );
}

const FIRST_LOOK = LIMITS.lookAroundMs + 200;

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
