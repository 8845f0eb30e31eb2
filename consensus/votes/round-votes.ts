/**
 * The votes of one type in one round: who voted what, and with how much power. A validator that votes twice is
 * counted for both blocks, as the paper counts messages, and once in the sum over all: two thirds of the power
 * stay honest in either sum, and nobody can hide a quorum from us by sending us the other half first.
 */
import { LIMITS } from '../limits.ts';
import type { Hash, ValidatorSet, Vote } from '../types.ts';
import { bitmapBytes, indexOfValidator, isMinority, isQuorum, setBit } from '../validator-set/set.ts';

/** Key of a tally: a block hash, or nil. */
type Choice = Hash | 'nil';

export interface RoundVotes {
  /** Per validator index, in order of arrival, at most LIMITS.maxHashesPerVoter unless a minority backs the choice. */
  readonly byVoter: Map<number, Vote[]>;
  readonly powerOf: Map<Choice, bigint>;
  /** Power of the validators that sent anything, each once. */
  powerOfAll: bigint;
}

export type AddVoteResult =
  | { readonly result: 'added' }
  | { readonly result: 'duplicate' }
  /** Added, and the voter is an equivocator: `earlier` is the vote it contradicts. */
  | { readonly result: 'conflict'; readonly earlier: Vote }
  /** Not in the set, or a further vote of a known equivocator. */
  | { readonly result: 'refused' };

export function createRoundVotes(): RoundVotes {
  return { byVoter: new Map(), powerOf: new Map(), powerOfAll: 0n };
}

function choiceOf(blockHash: Hash | null): Choice {
  return blockHash ?? 'nil';
}

/** Adds a vote whose signature was checked. */
export function addToRound(votes: RoundVotes, set: ValidatorSet, vote: Vote): AddVoteResult {
  const index = indexOfValidator(set, vote.validator);
  if (index < 0) return { result: 'refused' };
  const power = set.validators[index]!.power;
  const earlier = votes.byVoter.get(index);
  const choice = choiceOf(vote.blockHash);
  const tally = votes.powerOf.get(choice) ?? 0n;
  if (earlier === undefined) {
    votes.byVoter.set(index, [vote]);
    votes.powerOf.set(choice, tally + power);
    votes.powerOfAll += power;
    return { result: 'added' };
  }
  if (earlier.some((known) => known.blockHash === vote.blockHash)) return { result: 'duplicate' };
  if (earlier.length >= LIMITS.maxHashesPerVoter && !isMinority(tally, set.totalPower))
    return { result: 'refused' };
  earlier.push(vote);
  votes.powerOf.set(choice, tally + power);
  return { result: 'conflict', earlier: earlier[0]! };
}

export function powerFor(votes: RoundVotes, blockHash: Hash | null): bigint {
  return votes.powerOf.get(choiceOf(blockHash)) ?? 0n;
}

export function hasQuorumFor(votes: RoundVotes, set: ValidatorSet, blockHash: Hash | null): boolean {
  return isQuorum(powerFor(votes, blockHash), set.totalPower);
}

export function hasQuorumOfAny(votes: RoundVotes, set: ValidatorSet): boolean {
  return isQuorum(votes.powerOfAll, set.totalPower);
}

/** The block (not nil) that has a quorum. With less than a third of the power faulty there is at most one. */
export function quorumBlock(votes: RoundVotes, set: ValidatorSet): Hash | undefined {
  for (const [choice, power] of votes.powerOf)
    if (choice !== 'nil' && isQuorum(power, set.totalPower)) return choice;
  return undefined;
}

export function votesFor(votes: RoundVotes, blockHash: Hash | null): Vote[] {
  const found: Vote[] = [];
  for (const list of votes.byVoter.values()) {
    const vote = list.find((candidate) => candidate.blockHash === blockHash);
    if (vote !== undefined) found.push(vote);
  }
  return found;
}

/** Bit i is set if validator i sent at least one vote. */
export function votersBitmap(votes: RoundVotes | undefined, set: ValidatorSet): Uint8Array {
  const bitmap = new Uint8Array(bitmapBytes(set.validators.length));
  for (const index of votes?.byVoter.keys() ?? []) setBit(bitmap, index);
  return bitmap;
}
