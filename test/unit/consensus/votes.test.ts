import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../consensus/limits.ts';
import { asHeight, asRound, type Hash, type Vote, type VoteType } from '../../../consensus/types.ts';
import {
  addVote,
  committedBlock,
  createVoteKeeper,
  isRoundWelcome,
  roundToSkipTo,
  votesOf,
} from '../../../consensus/votes/keeper.ts';
import {
  hasQuorumFor,
  hasQuorumOfAny,
  powerFor,
  votersBitmap,
} from '../../../consensus/votes/round-votes.ts';
import { A, addressOf, B, setOf } from './bench.ts';

const C: Hash = `0x${'cc'.repeat(32)}`;
const vote = (index: number, type: VoteType, round: number, blockHash: Hash | null): Vote => ({
  type,
  height: asHeight(1),
  round: asRound(round),
  blockHash,
  validator: addressOf(index),
  signature: new Uint8Array(96),
});
const zero = asRound(0);

describe('the vote keeper', () => {
  it('counts power by block, and each voter once over all', () => {
    const keeper = createVoteKeeper(setOf([1, 2, 3, 4]));
    addVote(keeper, vote(0, 'prevote', 0, A), zero);
    addVote(keeper, vote(1, 'prevote', 0, B), zero);
    addVote(keeper, vote(2, 'prevote', 0, null), zero);
    const votes = votesOf(keeper, zero, 'prevote')!;
    expect([powerFor(votes, A), powerFor(votes, B), powerFor(votes, null), votes.powerOfAll]).toEqual([
      1n,
      2n,
      3n,
      6n,
    ]);
    expect(hasQuorumOfAny(votes, keeper.set)).toBe(false);
    addVote(keeper, vote(3, 'prevote', 0, A), zero);
    expect(hasQuorumOfAny(votes, keeper.set)).toBe(true);
    expect(hasQuorumFor(votes, keeper.set, A)).toBe(false);
    expect(votersBitmap(votes, keeper.set)).toEqual(Uint8Array.of(0b1111));
  });

  it('answers what became of a vote', () => {
    const keeper = createVoteKeeper(setOf([1, 1, 1, 1]));
    expect(addVote(keeper, vote(0, 'prevote', 0, A), zero).result).toBe('added');
    expect(addVote(keeper, vote(0, 'prevote', 0, A), zero).result).toBe('duplicate');
    expect(addVote(keeper, vote(0, 'prevote', 0, B), zero)).toMatchObject({
      result: 'conflict',
      earlier: { blockHash: A },
    });
    expect(addVote(keeper, vote(0, 'prevote', 0, C), zero).result).toBe('refused');
    expect(addVote(keeper, vote(9, 'prevote', 0, A), zero).result).toBe('refused');
    expect(addVote(keeper, vote(0, 'precommit', 0, C), zero).result).toBe('added');
  });

  it('takes an equivocator’s third vote only for a block that a third of the power backs', () => {
    const keeper = createVoteKeeper(setOf([1, 1, 1, 1]));
    for (const hash of [A, B]) addVote(keeper, vote(0, 'prevote', 0, hash), zero);
    addVote(keeper, vote(1, 'prevote', 0, C), zero);
    addVote(keeper, vote(2, 'prevote', 0, C), zero);
    expect(addVote(keeper, vote(0, 'prevote', 0, C), zero).result).toBe('conflict');
    expect(hasQuorumFor(votesOf(keeper, zero, 'prevote')!, keeper.set, C)).toBe(true);
  });

  it('keeps one far future round per validator, the highest', () => {
    const keeper = createVoteKeeper(setOf([1, 1, 1, 1]));
    addVote(keeper, vote(0, 'prevote', 50, null), zero);
    addVote(keeper, vote(0, 'prevote', 60, null), zero);
    expect(addVote(keeper, vote(0, 'prevote', 55, null), zero).result).toBe('refused');
    expect([...keeper.rounds.keys()]).toEqual([60]);
  });

  it('a future vote that became current is not forgotten', () => {
    const keeper = createVoteKeeper(setOf([1, 1, 1, 1]));
    addVote(keeper, vote(0, 'precommit', 5, A), zero);
    addVote(keeper, vote(0, 'prevote', 9, null), asRound(5));
    expect([...keeper.rounds.keys()].sort()).toEqual([5, 9]);
  });

  it('one validator cannot fill the memory with rounds', () => {
    const keeper = createVoteKeeper(setOf([1, 1, 1, 1]));
    for (let round = 0; round < 5_000; round++) addVote(keeper, vote(0, 'prevote', round, A), zero);
    expect(keeper.rounds.size).toBeLessThanOrEqual(3);
  });

  it('nor the log of anybody: it is not heard in rounds without end, while the others are', () => {
    const keeper = createVoteKeeper(setOf([1, 1, 1, 1]));
    let taken = 0;
    for (let round = 2; round < 3_000; round++)
      if (addVote(keeper, vote(0, 'prevote', round, A), zero).result === 'added') taken++;
    expect(taken).toBe(LIMITS.maxFarRoundsPerVoter);
    expect(isRoundWelcome(keeper, 0, asRound(5_000), zero)).toBe(false);
    // A round that it was heard beyond, and the next one, cost nothing to look at.
    expect(isRoundWelcome(keeper, 0, asRound(7), zero)).toBe(false);
    expect(addVote(keeper, vote(0, 'prevote', 1, A), zero).result).toBe('added');
    expect(addVote(keeper, vote(1, 'prevote', 5_000, A), zero).result).toBe('added');
  });

  it('past rounds are bounded, and one with a quorum of precommits is never dropped', () => {
    const keeper = createVoteKeeper(setOf([1, 1, 1, 1]));
    for (const index of [0, 1, 2]) addVote(keeper, vote(index, 'precommit', 0, A), zero);
    for (let round = 1; round < LIMITS.maxRoundsKept + 50; round++)
      addVote(keeper, vote(0, 'prevote', round, null), asRound(round));
    expect(keeper.rounds.size).toBeLessThanOrEqual(LIMITS.maxRoundsKept);
    expect(committedBlock(keeper)).toEqual({ round: 0, blockHash: A });
  });

  it('skips to the highest round with more than a third of the power', () => {
    const keeper = createVoteKeeper(setOf([1, 1, 1, 1]));
    addVote(keeper, vote(0, 'prevote', 3, null), zero);
    addVote(keeper, vote(1, 'precommit', 3, null), zero);
    addVote(keeper, vote(2, 'prevote', 4, null), zero);
    expect(roundToSkipTo(keeper, zero)).toBe(3);
    addVote(keeper, vote(3, 'prevote', 4, null), zero);
    expect(roundToSkipTo(keeper, zero)).toBe(4);
    expect(roundToSkipTo(keeper, asRound(4))).toBeUndefined();
  });
});
