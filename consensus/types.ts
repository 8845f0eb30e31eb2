/**
 * The nouns of consensus. Everything here is plain data: no methods, no clock, no crypto.
 * Algorithm: Buchman, Kwon, Milosevic, "The latest gossip on BFT consensus", arXiv 1807.04938.
 */

/** Height of a block, a safe integer. Genesis is 0; the first block that is voted on is 1. */
export type Height = number & { readonly __brand: 'Height' };
/** Round within a height, an integer from 0 to 2^32-1. */
export type Round = number & { readonly __brand: 'Round' };
/** 32 bytes as lower-case hex with 0x: the id of a block. */
export type Hash = `0x${string}`;
/** 20 bytes as lower-case hex with 0x: the account of a validator. */
export type Address = `0x${string}`;

/** What the paper calls -1: no round. Kept out of `Round`, so that arithmetic on it is visible. */
export const NO_ROUND = -1;
export type RoundOrNone = Round | typeof NO_ROUND;

export type VoteType = 'prevote' | 'precommit';

/** A vote without its signature: exactly what is signed, together with the domain and the genesis hash. */
export interface UnsignedVote {
  readonly type: VoteType;
  readonly height: Height;
  readonly round: Round;
  /** null is a vote for nil. */
  readonly blockHash: Hash | null;
  readonly validator: Address;
}

export interface Vote extends UnsignedVote {
  /** BLS12-381 signature in G2, 96 bytes compressed. */
  readonly signature: Uint8Array;
}

export interface UnsignedProposal {
  readonly height: Height;
  readonly round: Round;
  readonly blockHash: Hash;
  /** Proposer's clock in milliseconds since 1970; the header carries its whole seconds. */
  readonly timestampMs: number;
  /** Round in which the value got its polka, or -1 for a value proposed for the first time. */
  readonly validRound: RoundOrNone;
  readonly proposer: Address;
}

export interface Proposal extends UnsignedProposal {
  readonly signature: Uint8Array;
}

/** Proof that more than two thirds of the power precommitted one block. One signature, one bitmap. */
export interface CommitCertificate {
  readonly height: Height;
  readonly round: Round;
  readonly blockHash: Hash;
  /** Bit i (byte i>>3, bit i&7) is validator i of set(height) in address order; spare bits are zero. */
  readonly bitmap: Uint8Array;
  /** Aggregate of the precommits, 96 bytes. */
  readonly signature: Uint8Array;
}

/** The certificate of the parent as a block body carries it: height and hash are the parent's own. */
export interface LastCommit {
  readonly round: Round;
  readonly bitmap: Uint8Array;
  readonly signature: Uint8Array;
}

/** A member of a set without its turn in the rotation: what staking decides. */
export interface ValidatorInfo {
  readonly address: Address;
  /** BLS12-381 public key in G1, 48 bytes compressed. */
  readonly blsPublicKey: Uint8Array;
  /** Voting power, at least 1. */
  readonly power: bigint;
  /** Account that is credited as coinbase of the blocks this validator proposes. */
  readonly recipient: Address;
}

export interface Validator extends ValidatorInfo {
  /** Turn in the weighted round robin. Lives in state, so that every node elects the same proposer. */
  readonly priority: bigint;
}

/** Non-empty, in ascending address order, no duplicates. Build it with `createValidatorSet`. */
export interface ValidatorSet {
  readonly validators: readonly Validator[];
  readonly totalPower: bigint;
}

export interface VoteEquivocation {
  readonly kind: 'votes';
  /** The two votes, ordered by encoding, so that one offence has one encoding. */
  readonly first: Vote;
  readonly second: Vote;
}

export interface ProposalEquivocation {
  readonly kind: 'proposals';
  readonly first: Proposal;
  readonly second: Proposal;
}

/** Proof that one key signed two different things for the same height, round and step. */
export type Evidence = VoteEquivocation | ProposalEquivocation;

export const HASH_BYTES = 32;
export const ADDRESS_BYTES = 20;
export const SIGNATURE_BYTES = 96;
export const PUBLIC_KEY_BYTES = 48;
export const MAX_ROUND = 0xffff_ffff;

/** @throws RangeError when `value` is not a safe integer >= 0. */
export function asHeight(value: number): Height {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a height: ${value}`);
  return value as Height;
}

/** @throws RangeError when `value` is not an integer in 0..2^32-1. */
export function asRound(value: number): Round {
  if (!Number.isInteger(value) || value < 0 || value > MAX_ROUND)
    throw new RangeError(`not a round: ${value}`);
  return value as Round;
}

export function isHash(value: unknown): value is Hash {
  return typeof value === 'string' && /^0x[0-9a-f]{64}$/.test(value);
}

export function isAddress(value: unknown): value is Address {
  return typeof value === 'string' && /^0x[0-9a-f]{40}$/.test(value);
}
