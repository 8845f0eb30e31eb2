import { describe, expect, it } from 'vitest';
import { LIMITS as CONSENSUS_LIMITS } from '../../../consensus/limits.ts';
import { asRound } from '../../../consensus/types.ts';
import { indexOfValidator } from '../../../consensus/validator-set/set.ts';
import { votesOf } from '../../../consensus/votes/keeper.ts';
import { answerTo, describe as describeCore } from '../../../node/validator/status.ts';
import { A, B, type Bench, createBench } from '../consensus/bench.ts';

const indexes = (from: number, until: number) => Array.from({ length: until - from }, (_, i) => from + i);

/** Two nodes without a key that see the same height, in a set of `size` equal validators. */
function pair(size: number): { rich: Bench; poor: Bench } {
  const powers = new Array<number>(size).fill(1);
  const [rich, poor] = [createBench({ powers, self: undefined }), createBench({ powers, self: undefined })];
  for (const node of [rich, poor]) node.start({ transactions: false });
  return { rich, poor };
}

/** `poor` says what it has and takes what `rich` answers. Returns how many votes came. */
function ask(poor: Bench, rich: Bench): number {
  const { config } = poor.core;
  const { votes } = answerTo(describeCore(poor.core, config.height), rich.core, config.height);
  for (const vote of votes)
    poor.votes(vote.type, vote.round, vote.blockHash, indexOfValidator(config.set, vote.validator));
  return votes.length;
}

const heard = (node: Bench, round: number) =>
  votesOf(node.core.votes, asRound(round), 'prevote')?.byVoter.size ?? 0;

describe('the answer to a node that says what it has', () => {
  it('brings what it lacks although the votes for the block with a quorum would fill it', () => {
    const { rich, poor } = pair(1000);
    rich.votes('prevote', 0, A, ...indexes(0, 700));
    poor.votes('prevote', 0, A, ...indexes(0, 600));
    expect(heard(poor, 0)).toBe(600);
    expect(ask(poor, rich)).toBe(CONSENSUS_LIMITS.maxVotesPerMessage);
    expect(heard(poor, 0)).toBe(700);
  });

  it('brings the votes of the round that it lacks before those of rounds that it knows', () => {
    const { rich, poor } = pair(120);
    for (const node of [rich, poor]) {
      for (let round = 0; round < 6; round++) node.timeout('precommit', round);
      expect(node.core.machine.round).toBe(6);
    }
    for (let round = 0; round <= 6; round++) {
      rich.votes('prevote', round, A, ...indexes(0, 120));
      if (round !== 5) poor.votes('prevote', round, A, ...indexes(0, 120));
    }
    expect(heard(poor, 5)).toBe(0);
    ask(poor, rich);
    expect(heard(poor, 5)).toBe(120);
  });

  it('brings also the vote for the block with a quorum of a validator whose other vote was heard', () => {
    const { rich, poor } = pair(4);
    rich.votes('prevote', 0, A, 0, 1, 2);
    poor.votes('prevote', 0, B, 0);
    expect(ask(poor, rich)).toBe(3);
    const { byVoter } = votesOf(poor.core.votes, asRound(0), 'prevote')!;
    expect(byVoter.get(0)?.map((vote) => vote.blockHash)).toEqual([B, A]);
  });
});
