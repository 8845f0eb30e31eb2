import { encodeVotes } from '../../../consensus/codec.ts';
import type { Input } from '../../../consensus/driver/inputs.ts';
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
import { createValidatorSet } from '../../../consensus/validator-set/set.ts';
import { scanFrames } from '../../../consensus/wal/frame.ts';
import { decodeRecord } from '../../../consensus/wal/records.ts';
import { LIMITS } from '../../../node/validator/limits.ts';
import type { GossipVerdict, Net, PenaltyCode, ValidatorHandle } from '../../../node/validator/ports.ts';
import { createValidator } from '../../../node/validator/validator.ts';
import { WAL_FILE } from '../../../node/validator/wal.ts';
import { type ChainRules, createChainDisk, createSimApp, execute, hashOf } from '../../sim/chain.ts';
import { createDisk } from '../../sim/disk.ts';
import { fakeBls, fakePublicKey, fakeSigner } from '../../sim/fake-bls.ts';
import { SIM_PARAMETERS } from '../../sim/options.ts';
import { createRng } from '../../sim/random.ts';
import { createWorld } from '../../sim/world.ts';
import { addressOf, GENESIS } from '../consensus/bench.ts';

const START = 1_700_000_000_000;

/** What a peer says to a request; a promise, if it takes its time. */
type Answer = (payload: Uint8Array, peer: string) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

/** One real validator (index `self` of four equal ones) in a world where the test plays all the others. */
export function createStage(self: number | undefined = 3) {
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
  const answers = new Map<string, Answer>();
  const life = { up: false };
  const net: Net = {
    broadcast: (kind, bytes) => void sent.push({ kind, bytes }),
    peers: () => peers,
    request: async (peer, kind, payload) => answers.get(kind)?.(payload, peer),
    penalise: (_, code) => void penalties.push(code),
  };
  let handle: ValidatorHandle | undefined;
  const stage = {
    world,
    set,
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
    /** How far the clock of the node is off; its timers are not. */
    skewMs: 0,
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
            nowMs: () => world.nowMs() + stage.skewMs,
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
    async gossip(kind: 'proposal' | 'votes', bytes: Uint8Array, from = 'peer'): Promise<GossipVerdict> {
      const verdict = stage.node.onGossip(kind, bytes, from);
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
    /** How many inputs of this kind the log of the height holds. */
    logged: (kind: Input['kind']): number =>
      scanFrames(disk.content(WAL_FILE)!)
        .frames.map(decodeRecord)
        .filter((record) => record.kind === 'input' && record.input.kind === kind).length,
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
    proposal(block: { blockHash: Hash; timestampMs: number }, by = 0, round = 0): Proposal {
      const unsigned = {
        height: asHeight(1),
        round: asRound(round),
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

export function signAs(index: number, message: Uint8Array): Uint8Array {
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

/** By then a node without a past has listened to its peers. */
export const FIRST_LOOK = LIMITS.lookAroundMs + 200;
