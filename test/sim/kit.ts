/**
 * What a simulation may have fast or real: keys, signatures, and the chain under each node. fast-kit.ts makes them
 * cheap and just as strict; real-kit.ts takes BLS12-381, the EVM and LevelDB of the product.
 */
import type {
  Address,
  CommitCertificate,
  Hash,
  Height,
  ValidatorInfo,
  ValidatorSet,
} from '../../consensus/types.ts';
import type { App, BlsVerifier, Head, Signer } from '../../node/validator/ports.ts';
import type { Rng } from './random.ts';
import type { World } from './world.ts';

/** What the invariants read in a block, by a decoding of their own. */
export interface BlockFacts {
  readonly height: number;
  readonly parent: Hash;
  readonly originRound: number;
  readonly timestampMs: number;
  /** Breaks a rule: every honest node must answer invalid. */
  readonly broken: boolean;
  readonly transactions: readonly string[];
}

/** What follows from a block, as one node computed it. */
export interface Outcome {
  readonly stateRoot: Hash;
  readonly receiptsRoot: Hash;
}

/** What outlives the process: the chain on its disk, which is atomic and durable, as the real one promises. */
export interface ChainDisk {
  readonly head: Head;
  /** set(height) of each committed height, from 1. */
  readonly sets: readonly ValidatorSet[];
  /** An empty disk. */
  wipe(): Promise<void> | void;
}

export interface SimApp extends App {
  addTransaction(transaction: string): void;
}

export interface ChainFaults {
  /** Probability that a block is unknown at first, and for how long at most. */
  readonly unknownChance: () => number;
  readonly unknownMs: number;
  /** Whether the executor tells when it knows, or leaves it to the next question. */
  readonly announces: boolean;
  readonly executeMs: number;
  /** A byzantine builder: probability of a block that breaks a rule, and of a time stamp an hour off. */
  readonly brokenBlocks: number;
  readonly falseTimes: number;
}

export interface AppParts {
  readonly world: World;
  readonly rng: Rng;
  readonly disk: ChainDisk;
  readonly faults: ChainFaults;
  readonly alive: () => boolean;
  /** The process may die here: called before and after each effect. */
  readonly step: () => void;
  /** Runs once the virtual time has come, unless this life is over; later if the process sleeps. */
  readonly later: (delayMs: number, work: () => void) => void;
  readonly onBuilt: (blockHash: Hash, facts: BlockFacts) => void;
  /** The executor has answered valid or invalid to a block of this height. */
  readonly onJudged: (height: number) => void;
  readonly onCommit: (
    height: Height,
    blockHash: Hash,
    certificate: CommitCertificate,
    set: ValidatorSet,
    outcome: Outcome,
  ) => void;
  readonly onEvidence: (evidence: Uint8Array) => void;
}

export interface Kit {
  readonly bls: BlsVerifier;
  readonly genesisHash: Hash;
  readonly genesis: ValidatorSet;
  readonly addresses: readonly Address[];
  /** A validator that joins or changes its power; undefined where membership is for the chain's own staking. */
  readonly member: ((index: number, power: number) => ValidatorInfo) | undefined;
  /** The key itself, for whoever has it. */
  sign(index: number, message: Uint8Array): Uint8Array;
  signer(index: number, onSign: (message: Uint8Array) => void): Signer;
  openDisk(name: string): Promise<ChainDisk> | ChainDisk;
  createApp(parts: AppParts): SimApp;
  /** undefined if these bytes are no block. */
  facts(bytes: Uint8Array): BlockFacts | undefined;
  /** A different block like this one, as an equivocating proposer makes it; undefined if the kit cannot. */
  vary(
    bytes: Uint8Array,
    salt: number,
  ): { blockHash: Hash; bytes: Uint8Array; facts: BlockFacts } | undefined;
  /** The next transaction of a client; `retry` repeats one that may have been lost. */
  transaction(rng: Rng, isIncluded: (transaction: string) => boolean): string;
  close(): Promise<void>;
}

/** Who leaves, joins or changes its power with a block; undefined: nobody. */
export type MembershipRule = (height: number, current: ValidatorSet) => readonly ValidatorInfo[] | undefined;
