/**
 * All votes of one height. Rounds are bounded twice: past rounds by LIMITS.maxRoundsKept, future rounds by keeping,
 * for each validator, only the votes of the highest round it was seen in beyond the next one (a correct validator
 * moves forward only, so its older future votes can no longer help us to skip).
 */
import { LIMITS } from '../limits.ts';
import type { Hash, Round, ValidatorSet, Vote, VoteType } from '../types.ts';
import { indexOfValidator, isMinority } from '../validator-set/set.ts';
import {
  type AddVoteResult,
  addToRound,
  createRoundVotes,
  quorumBlock,
  type RoundVotes,
} from './round-votes.ts';

export interface VotesOfRound {
  readonly prevote: RoundVotes;
  readonly precommit: RoundVotes;
}

export interface VoteKeeper {
  readonly set: ValidatorSet;
  readonly rounds: Map<Round, VotesOfRound>;
  /** Highest far-future round with a vote, per validator index, and how many such rounds there were. */
  readonly farRound: Map<number, { readonly round: Round; readonly count: number }>;
}

export function createVoteKeeper(set: ValidatorSet): VoteKeeper {
  return { set, rounds: new Map(), farRound: new Map() };
}

export function votesOf(keeper: VoteKeeper, round: Round, type: VoteType): RoundVotes | undefined {
  return keeper.rounds.get(round)?.[type];
}

/** Whether a vote of this validator for this round would be taken; it costs nothing to ask before a signature is checked. */
export function isRoundWelcome(
  keeper: VoteKeeper,
  index: number,
  round: Round,
  currentRound: Round,
): boolean {
  const known = keeper.farRound.get(index);
  if (round <= currentRound + 1 || known === undefined || known.round === round) return true;
  return round > known.round && known.count < LIMITS.maxFarRoundsPerVoter;
}

/** Adds a vote whose signature was checked. `currentRound` is the round of this node. */
export function addVote(keeper: VoteKeeper, vote: Vote, currentRound: Round): AddVoteResult {
  const index = indexOfValidator(keeper.set, vote.validator);
  if (index < 0 || !isRoundWelcome(keeper, index, vote.round, currentRound)) return { result: 'refused' };
  if (vote.round > currentRound + 1) moveInFuture(keeper, index, vote.round, currentRound);
  let round = keeper.rounds.get(vote.round);
  if (round === undefined) {
    if (!makeRoomForRound(keeper, vote.round, currentRound)) return { result: 'refused' };
    round = { prevote: createRoundVotes(), precommit: createRoundVotes() };
    keeper.rounds.set(vote.round, round);
  }
  return addToRound(round[vote.type], keeper.set, vote);
}

/** Forgets the validator's votes of a lower future round. */
function moveInFuture(keeper: VoteKeeper, index: number, round: Round, currentRound: Round): void {
  const known = keeper.farRound.get(index);
  if (known?.round === round) return;
  keeper.farRound.set(index, { round, count: (known?.count ?? 0) + 1 });
  if (known === undefined) return;
  const old = keeper.rounds.get(known.round);
  // The round may have become the current one meanwhile, and then its votes count.
  if (old !== undefined && known.round > currentRound + 1) dropVoter(keeper, known.round, old, index);
}

function dropVoter(keeper: VoteKeeper, number: Round, round: VotesOfRound, index: number): void {
  const power = keeper.set.validators[index]!.power;
  for (const votes of [round.prevote, round.precommit]) {
    const list = votes.byVoter.get(index);
    if (list === undefined) continue;
    votes.byVoter.delete(index);
    votes.powerOfAll -= power;
    for (const vote of list) {
      const choice = vote.blockHash ?? 'nil';
      votes.powerOf.set(choice, votes.powerOf.get(choice)! - power);
    }
  }
  if (round.prevote.byVoter.size === 0 && round.precommit.byVoter.size === 0) keeper.rounds.delete(number);
}

/** Keeps the number of rounds bounded: the oldest without a quorum of precommits goes first. */
function makeRoomForRound(keeper: VoteKeeper, round: Round, currentRound: Round): boolean {
  if (keeper.rounds.size < LIMITS.maxRoundsKept) return true;
  let oldest: Round | undefined;
  for (const [candidate, votes] of keeper.rounds)
    if (
      candidate < currentRound &&
      (oldest === undefined || candidate < oldest) &&
      quorumBlock(votes.precommit, keeper.set) === undefined
    )
      oldest = candidate;
  if (oldest === undefined || oldest > round) return false;
  keeper.rounds.delete(oldest);
  return true;
}

/** Line 55: the highest round beyond `current` in which validators with more than a third of the power spoke. */
export function roundToSkipTo(keeper: VoteKeeper, current: Round): Round | undefined {
  let best: Round | undefined;
  for (const [round, votes] of keeper.rounds) {
    if (round <= current || (best !== undefined && round < best)) continue;
    let power = votes.prevote.powerOfAll;
    for (const index of votes.precommit.byVoter.keys())
      if (!votes.prevote.byVoter.has(index)) power += keeper.set.validators[index]!.power;
    if (isMinority(power, keeper.set.totalPower)) best = round;
  }
  return best;
}

/** Line 49: a block with a quorum of precommits in any round. */
export function committedBlock(keeper: VoteKeeper): { round: Round; blockHash: Hash } | undefined {
  let found: { round: Round; blockHash: Hash } | undefined;
  for (const [round, votes] of keeper.rounds) {
    const blockHash = quorumBlock(votes.precommit, keeper.set);
    if (blockHash !== undefined && (found === undefined || round < found.round)) found = { round, blockHash };
  }
  return found;
}
