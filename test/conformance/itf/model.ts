/** The words of the model, and how they are said in our core. */
import { bytesToHex, hexToBytes } from '../../../consensus/bytes.ts';
import {
  type Address,
  asHeight,
  asRound,
  type Hash,
  type Height,
  type ValidatorSet,
  type Vote,
  type VoteType,
} from '../../../consensus/types.ts';
import { createValidatorSet } from '../../../consensus/validator-set/set.ts';
import type { Tagged } from './itf.ts';

/** `Val(name)` or `Nil`. */
export type ModelValue = Tagged<string | readonly []>;

export interface ModelVote {
  readonly voteType: Tagged;
  readonly height: number;
  readonly round: number;
  readonly valueId: ModelValue;
  readonly srcAddress: string;
}

export interface ModelProposal {
  readonly height: number;
  readonly round: number;
  readonly proposal: string;
  readonly validRound: number;
  readonly srcAddress: string;
}

/** Variables of the algorithm at one process. */
export interface ConsensusState {
  readonly p: string;
  readonly height: number;
  readonly round: number;
  readonly step: Tagged;
  readonly lockedValue: ModelValue;
  readonly lockedRound: number;
  readonly validValue: ModelValue;
  readonly validRound: number;
}

export interface VoteCount {
  readonly totalWeight: number;
  readonly valuesWeights: Map<ModelValue, number>;
  readonly votesAddresses: readonly string[];
  /** Older versions of the model keep none. */
  readonly receivedVotes?: readonly ModelVote[];
}

export interface Bookkeeper {
  readonly height: number;
  readonly validatorSet: Map<string, number>;
  readonly rounds: Map<
    number,
    {
      readonly height: number;
      readonly round: number;
      readonly prevotes: VoteCount;
      readonly precommits: VoteCount;
      readonly votesAddressesWeights: Map<string, number>;
      readonly emittedOutputs: readonly Tagged[];
    }
  >;
  readonly evidence: readonly (readonly ModelVote[])[];
}

const HASH_BYTES = 32;

/** The hash that stands for a value: its name, filled up. @throws Error if the name is too long */
export function hashOf(name: string): Hash {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length > HASH_BYTES) throw new Error(`the name of a value is too long: ${name}`);
  const hash = new Uint8Array(HASH_BYTES);
  hash.set(bytes);
  return bytesToHex(hash);
}

export function nameOf(hash: Hash): string {
  return new TextDecoder().decode(hexToBytes(hash, HASH_BYTES)).replace(/\0+$/, '');
}

/** @throws Error if this is no value */
export function blockOf({ tag, value }: ModelValue): Hash | null {
  if (tag !== 'Nil' && tag !== 'Val') throw new Error(`the adapter does not know the value ${tag}`);
  return tag === 'Nil' ? null : hashOf(value as string);
}

export function valueFor(hash: Hash | null): ModelValue {
  return hash === null ? { tag: 'Nil', value: [] } : { tag: 'Val', value: nameOf(hash) };
}

/** The model's validators under addresses in the order in which the model lets them propose: the second first. */
export interface Members {
  readonly names: readonly string[];
  readonly set: ValidatorSet;
  addressOf(name: string): Address;
  nameOf(address: Address): string;
}

/** v2 before v10, and names without a number in the order of their letters. */
function byNumber(a: string, b: string): number {
  const [stemA, numberA] = [a.replace(/\d+$/, ''), Number(/\d+$/.exec(a)?.[0] ?? -1)];
  const [stemB, numberB] = [b.replace(/\d+$/, ''), Number(/\d+$/.exec(b)?.[0] ?? -1)];
  return stemA === stemB ? numberA - numberB : stemA < stemB ? -1 : 1;
}

export function membersOf(weights: Map<string, number>): Members {
  const sorted = [...weights.keys()].sort(byNumber);
  const names = [...sorted.slice(1), ...sorted.slice(0, 1)];
  const address = (index: number): Address => `0x${(index + 1).toString(16).padStart(40, '0')}`;
  const set = createValidatorSet(
    names.map((name, index) => ({
      address: address(index),
      blsPublicKey: new Uint8Array(48).fill(index + 1),
      power: BigInt(weights.get(name)!),
      recipient: address(index),
      priority: 0n,
    })),
  );
  const addressOf = (name: string): Address => {
    const index = names.indexOf(name);
    if (index < 0) throw new Error(`${name} is no validator of the trace`);
    return address(index);
  };
  return { names, set, addressOf, nameOf: (one) => names[Number(one) - 1]! };
}

const SIGNATURE = new Uint8Array(96).fill(7);
export const anySignature = (): Uint8Array => SIGNATURE;

/** Heights of the model begin at 0 and ours at 1. */
export function heightOf(height: number): Height {
  return asHeight(height + 1);
}

/** A vote of ours as the model writes it. */
export function modelVoteOf(vote: Vote, members: Members): ModelVote {
  return {
    voteType: { tag: vote.type === 'prevote' ? 'Prevote' : 'Precommit', value: [] },
    height: vote.height - 1,
    round: vote.round,
    valueId: valueFor(vote.blockHash),
    srcAddress: members.nameOf(vote.validator),
  };
}

function voteTypeOf({ tag }: Tagged): VoteType {
  if (tag !== 'Prevote' && tag !== 'Precommit') throw new Error(`the adapter does not know the vote ${tag}`);
  return tag === 'Prevote' ? 'prevote' : 'precommit';
}

/** @throws Error if it is no vote, or of nobody whom the trace has named */
export function voteOf(vote: ModelVote, members: Members): Vote {
  return {
    type: voteTypeOf(vote.voteType),
    height: heightOf(vote.height),
    round: asRound(vote.round),
    blockHash: blockOf(vote.valueId),
    validator: members.addressOf(vote.srcAddress),
    signature: SIGNATURE,
  };
}
