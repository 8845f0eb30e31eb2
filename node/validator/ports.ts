/**
 * What the validator needs from the rest of the node, and nothing more. The network, the executor, the disk and
 * the clock implement these; the simulator implements them too and runs the same shell.
 */
import type { Core } from '../../consensus/driver/core.ts';
import type { Input } from '../../consensus/driver/inputs.ts';
import type { Effect } from '../../consensus/effects.ts';
import type {
  Address,
  CommitCertificate,
  Hash,
  Height,
  LastCommit,
  Round,
  ValidatorSet,
} from '../../consensus/types.ts';

/** Cancels a timer. Calling it twice, or after the timer fired, does nothing. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since 1970, an integer. May jump; consensus never relies on it being monotone for safety. */
  nowMs(): number;
  /** Runs `run` once, not before `delayMs` have passed. 0 means "after the current work". */
  setTimer(delayMs: number, run: () => void): Cancel;
}

/** Holder of this validator's BLS key. Synchronous, so that a vote is signed where it is decided. */
export interface Signer {
  readonly address: Address;
  /** 48 bytes, compressed G1. */
  readonly publicKey: Uint8Array;
  /** Signature (96 bytes, compressed G2) over `message` under the POP ciphersuite. */
  sign(message: Uint8Array): Uint8Array;
}

/**
 * BLS12-381, public keys in G1, signatures in G2, POP scheme. Malformed input, points outside the subgroup and the
 * point at infinity give `false`, never an exception.
 */
export interface BlsVerifier {
  verify(message: Uint8Array, publicKey: Uint8Array, signature: Uint8Array): boolean;
  /** One aggregate signature over one message by all the keys. Empty key list: false. */
  fastAggregateVerify(message: Uint8Array, publicKeys: readonly Uint8Array[], signature: Uint8Array): boolean;
  /**
   * True only if *each* signature is valid for its own key. The signatures are weighted with secret random numbers
   * before they are added: plain addition would let two colluding keys send signatures that are wrong one by one
   * and right in sum, and a certificate that holds only one of them would then be worthless.
   */
  verifyEach(
    message: Uint8Array,
    publicKeys: readonly Uint8Array[],
    signatures: readonly Uint8Array[],
  ): boolean;
  /** Sum of at least one signature. @throws when one of them is malformed. */
  aggregate(signatures: readonly Uint8Array[]): Uint8Array;
}

/** A file that only grows. All calls are synchronous: one fsync is about a millisecond and nothing may overtake it. */
export interface AppendFile {
  /** Name that error messages show. */
  readonly name: string;
  /** The whole content. Bounded by LIMITS.maxWalBytes. */
  read(): Uint8Array;
  size(): number;
  append(bytes: Uint8Array): void;
  /** Everything appended so far survives a crash once this returns. */
  fsync(): void;
  /** Cuts the file to `length` bytes, durably. */
  truncate(length: number): void;
  close(): void;
}

export interface Storage {
  openAppend(name: string): AppendFile;
  /** Content of a small file, or undefined if there is none. */
  readFile(name: string): Uint8Array | undefined;
  /** Replaces a small file durably: after a crash it holds the old bytes or the new ones. */
  replaceFile(name: string, bytes: Uint8Array): void;
}

export interface BuildRequest {
  readonly height: Height;
  /** Becomes the block's originRound. */
  readonly round: Round;
  /** Not below the parent's. The header carries its whole seconds. */
  readonly timestampMs: number;
  /** BLS signature of the proposer over the reveal bytes of this height (rule A3). */
  readonly reveal: Uint8Array;
  /** Certificate of the parent; undefined only for block 1 (rule A2). */
  readonly lastCommit: LastCommit | undefined;
  readonly proposer: Address;
}

export interface BlockBytes {
  readonly blockHash: Hash;
  /** The whole block, as proposals carry it and sync serves it. At most LIMITS.maxBlockBytes. */
  readonly bytes: Uint8Array;
}

/**
 * Rule B1. `valid` and `invalid` are facts about the block, the same on every node and for ever. `unknown` means
 * that data, parent or worker are not ready yet. `mismatch` is about the bytes, not the block: they are not the
 * block of that hash (someone served rubbish), and will be fetched again from somebody else.
 */
export type CheckAnswer =
  | { readonly answer: 'valid'; readonly originRound: Round; readonly timestampMs: number }
  | { readonly answer: 'invalid'; readonly code: string }
  | { readonly answer: 'unknown'; readonly reason: string }
  | { readonly answer: 'mismatch' };

/** What stands after the last committed block. */
export interface Head {
  readonly height: Height;
  readonly blockHash: Hash;
  readonly timestampMs: number;
  /** The set that votes on height + 1. */
  readonly validators: ValidatorSet;
  /** The set that votes on height + 2. */
  readonly nextValidators: ValidatorSet;
}

export interface StoredBlock extends BlockBytes {
  readonly height: Height;
  /** As this node kept it for serving sync; undefined only for genesis. Never read by execution (rule A2). */
  readonly certificate: CommitCertificate | undefined;
}

/** The executor. Heights are committed one by one; `check` and `build` always refer to head + 1. */
export interface App {
  head(): Head;
  build(request: BuildRequest): Promise<BlockBytes>;
  /** May be asked again after `unknown`. Executes the block; a rejected promise is a Fault and stops the node. */
  check(block: BlockBytes): Promise<CheckAnswer>;
  /**
   * Stores a block that carries a quorum, durably, in one batch with its certificate. Resolves with the new head.
   * A rejected promise stops the node: a decided block is never refused.
   */
  commit(block: BlockBytes & { readonly certificate: CommitCertificate }): Promise<Head>;
  /** Whether a transaction that could be included now is in the pool. */
  hasTransactions(): boolean;
  /** Calls back when hasTransactions() may have become true. */
  onTransactions(listener: () => void): Cancel;
  /** Calls back when the answer for this block may no longer be `unknown`. */
  onReady(listener: (blockHash: Hash) => void): Cancel;
  /** For serving sync and missing bodies. */
  getBlock(height: Height): Promise<StoredBlock | undefined>;
  /** The set that votes on a stored height, where the app still knows it. */
  validatorsAt?(height: Height): Promise<ValidatorSet | undefined>;
  /** Equivocation evidence (encoding of consensus/codec.ts), checked, to be put into a block. */
  addEvidence(evidence: Uint8Array): void;
}

/** Opaque to consensus: a libp2p peer id as text. */
export type PeerId = string;

/** Messages that every validator should see. */
export type GossipKind = 'proposal' | 'votes';
/** Questions to one peer over a stream; the payloads are ours, the network carries bytes. */
export type RequestKind = 'status' | 'block' | 'range';

export const GOSSIP_KINDS: readonly GossipKind[] = ['proposal', 'votes'];
export const REQUEST_KINDS: readonly RequestKind[] = ['status', 'block', 'range'];

export interface Net {
  /** Best effort, bounded, never throws. The sender itself does not get its own message. */
  broadcast(kind: GossipKind, bytes: Uint8Array): void;
  /** Connected peers that speak our protocols. */
  peers(): readonly PeerId[];
  /** undefined when the peer is gone, refuses, answers too much or does not answer in time. Never rejects. */
  request(peer: PeerId, kind: RequestKind, payload: Uint8Array): Promise<Uint8Array | undefined>;
  /** The peer sent something that an honest one would not. The code says what (see PenaltyCode). */
  penalise(peer: PeerId, code: PenaltyCode): void;
}

export type PenaltyCode =
  /** Bytes that do not decode. */
  | 'MALFORMED'
  /** A signature that does not verify under the named validator's key. */
  | 'BAD_SIGNATURE'
  /** Signed by a key that is not in the set, or a proposal out of turn. */
  | 'NOT_AUTHORISED'
  /** Block bytes that are not the block asked for. */
  | 'WRONG_BLOCK'
  /** A certificate without a quorum. */
  | 'BAD_CERTIFICATE'
  /** An answer that does not fit the question. */
  | 'BAD_ANSWER';

/** What gossip does with a message: relay it, drop it silently, or drop it and mark the peer down. */
export type GossipVerdict = 'accept' | 'ignore' | 'reject';

/** Deterministic under simulation: the simulator passes a seeded source. */
export interface Random {
  /** Uniform integer in 0..below-1; 1 <= below <= 2^31. */
  int(below: number): number;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
/** Structured: `fields` never holds secrets. */
export type Log = (
  level: LogLevel,
  message: string,
  fields?: Readonly<Record<string, string | number | boolean>>,
) => void;

/** Every authority the validator has. */
export interface ValidatorEnv {
  readonly clock: Clock;
  readonly random: Random;
  readonly storage: Storage;
  readonly bls: BlsVerifier;
  readonly app: App;
  readonly net: Net;
  readonly log: Log;
  /** Absent on a full node: it follows, verifies and serves, and never signs. */
  readonly signer?: Signer;
}

/** What the validator offers to the node around it. */
export interface ValidatorHandle {
  /** Replays the log and joins. Resolves once messages are taken. */
  start(): Promise<void>;
  /** Stops timers and closes files. Nothing is signed after it returns. */
  stop(): Promise<void>;
  /** For the network: verdict once the signatures are checked. Never rejects. */
  onGossip(kind: GossipKind, bytes: Uint8Array, from: PeerId): Promise<GossipVerdict>;
  /** For the network: the answer to a stream request, or undefined to refuse. Never rejects. */
  onRequest(kind: RequestKind, payload: Uint8Array, from: PeerId): Promise<Uint8Array | undefined>;
  /** A peer connected: ask it where it is. */
  onPeer(peer: PeerId): void;
  status(): ValidatorStatus;
}

export interface ValidatorStatus {
  /** Height being decided. */
  readonly height: Height;
  readonly round: Round;
  readonly step: 'newRound' | 'propose' | 'prevote' | 'precommit' | 'commit';
  readonly headHeight: Height;
  /** Height of the best peer while this node catches up by ranges, else undefined. */
  readonly syncingTo: Height | undefined;
  /** Whether this node votes: it has a key, the key is in the set, and nothing forbids signing. */
  readonly voting: boolean;
  /** Set when the node stopped by itself: message with code and remedy. */
  readonly halted: string | undefined;
}

/** Sees what a height does, outside of replays. Nothing may depend on it. */
export interface ConsensusWatch {
  /** An input was handled, with all that followed from it. */
  handled(core: Core, input: Input): void;
  effect(core: Core, effect: Effect): void;
}
