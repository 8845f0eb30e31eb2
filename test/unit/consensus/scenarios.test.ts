import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../consensus/limits.ts';
import { BRANCHES } from '../../../consensus/state-machine/state.ts';
import { asRound } from '../../../consensus/types.ts';
import { drawOptions } from '../../sim/options.ts';
import { simulate } from '../../sim/simulate.ts';
import { A, B, coverage, createBench, follower, NOW } from './bench.ts';
import { linesNamed, PAPER, type Reached } from './paper.ts';

/** Equal powers rotate 0, 1, 2, 3. The node on the bench is validator 3 unless said otherwise. */
describe('locks and proofs of lock', () => {
  it('LockNoPOL: once locked, a fresh proposal of something else gets nil', () => {
    const node = follower();
    node.start();
    node.proposal(0, A);
    node.valid(A);
    node.votes('prevote', 0, A, 0, 1);
    expect(node.said()).toEqual(['prevote 0 aa', 'precommit 0 aa']);
    node.votes('precommit', 0, null, 0, 1);
    node.timeout('precommit', 0);
    node.proposal(1, B);
    node.valid(B, 1);
    expect(node.said().at(-1)).toBe('prevote 1 nil');
    expect(node.core.machine).toMatchObject({ lockedValue: A, lockedRound: 0 });
  });

  it('LockPOLRelock: a later polka moves the lock', () => {
    const node = follower();
    node.start();
    node.proposal(0, A);
    node.valid(A);
    node.votes('prevote', 0, A, 0, 1);
    node.votes('precommit', 0, null, 0, 1);
    node.timeout('precommit', 0);
    node.proposal(1, B);
    node.valid(B, 1);
    node.votes('prevote', 1, B, 0, 1, 2);
    expect(node.said().slice(-2)).toEqual(['prevote 1 nil', 'precommit 1 bb']);
    expect(node.core.machine).toMatchObject({ lockedValue: B, lockedRound: 1, validValue: B, validRound: 1 });
  });

  it('LockPOLUnlock: line 29 lets a locked node prevote for a value with a later polka', () => {
    const node = follower();
    node.start();
    node.proposal(0, A);
    node.valid(A);
    node.votes('prevote', 0, A, 0, 1);
    node.votes('precommit', 0, null, 0, 1);
    node.timeout('precommit', 0);
    // Round 1 has a polka for B that this node sees without B's proposal: it cannot move its lock then.
    node.timeout('propose', 1);
    node.votes('prevote', 1, B, 0, 1, 2);
    node.timeout('prevote', 1);
    node.votes('precommit', 1, null, 0, 1);
    node.timeout('precommit', 1);
    node.proposal(2, B, { validRound: 1 as never });
    node.valid(B, 1);
    expect(node.said().at(-1)).toBe('prevote 2 bb');
  });

  it('POLSafety: a polka older than the lock does not open it', () => {
    const node = follower();
    node.start();
    node.timeout('propose', 0);
    node.votes('prevote', 0, B, 0, 1, 2);
    node.timeout('prevote', 0);
    node.votes('precommit', 0, null, 0, 1);
    node.timeout('precommit', 0);
    node.proposal(1, A);
    node.valid(A, 1);
    node.votes('prevote', 1, A, 0, 1);
    expect(node.core.machine).toMatchObject({ lockedValue: A, lockedRound: 1 });
    node.votes('precommit', 1, null, 0, 1);
    node.timeout('precommit', 1);
    node.proposal(2, B, { validRound: 0 as never });
    node.valid(B, 0);
    expect(node.said().at(-1)).toBe('prevote 2 nil');
  });

  it('a validRound without its polka is not believed', () => {
    const node = follower();
    node.start();
    node.timeout('propose', 0);
    node.votes('precommit', 0, null, 0, 1, 2);
    node.timeout('precommit', 0);
    node.proposal(1, B, { validRound: 0 as never });
    node.valid(B, 0);
    expect(node.said().filter((vote) => vote.startsWith('prevote 1'))).toEqual([]);
    node.votes('prevote', 0, B, 0, 1, 2);
    expect(node.said().at(-1)).toBe('prevote 1 bb');
  });

  it('ProposeValidBlock: the proposer of a later round proposes its valid value again, with its round and time', () => {
    const node = createBench({ self: 1 });
    node.start();
    node.proposal(0, A);
    node.valid(A, 0, NOW);
    node.votes('prevote', 0, A, 0, 2);
    node.votes('precommit', 0, null, 0, 2);
    node.nowMs += 900;
    node.take('broadcastProposal');
    node.timeout('precommit', 0);
    const [effect] = node.take('broadcastProposal');
    expect(effect?.proposal).toMatchObject({ round: 1, blockHash: A, validRound: 0, timestampMs: NOW });
  });

  it('SetValidBlockOnDelayedPrevote: a polka after the own precommit sets the valid value, not the lock', () => {
    const node = follower();
    node.start();
    node.proposal(0, A);
    node.valid(A);
    node.votes('prevote', 0, null, 0);
    node.votes('prevote', 0, A, 1);
    node.timeout('prevote', 0);
    expect(node.said()).toEqual(['prevote 0 aa', 'precommit 0 nil']);
    node.votes('prevote', 0, A, 2);
    expect(node.core.machine).toMatchObject({
      validValue: A,
      validRound: 0,
      lockedValue: null,
      lockedRound: -1,
    });
  });

  it('a polka for an unknown value neither locks nor sets the valid value (line 36 asks for valid(v))', () => {
    const node = follower();
    node.start();
    node.proposal(0, A);
    node.votes('prevote', 0, A, 0, 1, 2);
    expect(node.core.machine.validValue).toBeNull();
    node.timeout('propose', 0);
    expect(node.said()).toEqual(['prevote 0 nil']);
    node.valid(A);
    expect(node.said()).toEqual(['prevote 0 nil', 'precommit 0 aa']);
  });
});

describe('blocks that nobody has', () => {
  it('do not keep a node from looking at the block of this round, however many there were', () => {
    const node = follower();
    node.start();
    const hidden = (round: number) => `0x${round.toString(16).padStart(64, '0')}` as const;
    const rounds = LIMITS.maxBlocksPerHeight + 8;
    for (let round = 0; round < rounds; round++) {
      node.proposal(round, hidden(round + 1));
      node.timeout('propose', round);
      node.votes('precommit', round, null, 0, 1, 2);
      node.timeout('precommit', round);
    }
    expect(node.core.checking.size).toBeLessThanOrEqual(LIMITS.maxBlocksPerHeight);
    node.proposal(rounds, A);
    expect(node.core.checking.has(A)).toBe(true);
    node.valid(A, rounds);
    expect(node.said().at(-1)).toBe(`prevote ${rounds} aa`);
  });
});

describe('rounds', () => {
  it('NilPolka: two thirds of nil end the prevote step at once', () => {
    const node = follower();
    node.start();
    node.timeout('propose', 0);
    node.votes('prevote', 0, null, 0, 1);
    expect(node.said()).toEqual(['prevote 0 nil', 'precommit 0 nil']);
  });

  it('line 34 schedules the prevote timeout once, and only in the prevote step', () => {
    const node = follower();
    node.start({ transactions: false });
    node.votes('prevote', 0, null, 0);
    node.votes('prevote', 0, A, 1, 2);
    expect(node.scheduled()).not.toContain('prevote 0');
    node.timeout('propose', 0);
    expect(node.scheduled().filter((name) => name === 'prevote 0')).toHaveLength(1);
    node.votes('prevote', 0, A, 0);
    expect(node.scheduled().filter((name) => name === 'prevote 0')).toHaveLength(1);
  });

  it('line 47 schedules the precommit timeout in any step', () => {
    const node = follower();
    node.start();
    node.votes('precommit', 0, null, 0, 1);
    expect(node.scheduled()).not.toContain('precommit 0');
    node.votes('precommit', 0, A, 2);
    expect(node.scheduled()).toContain('precommit 0');
    expect(node.core.machine.step).toBe('propose');
  });

  it('line 55: more than a third of the power in a later round is followed, less is not', () => {
    const node = follower();
    node.start();
    node.votes('prevote', 7, null, 0);
    expect(node.core.machine.round).toBe(0);
    node.votes('precommit', 7, A, 1);
    expect(node.core.machine.round).toBe(7);
  });

  it('line 55 counts a validator once, whatever it sends', () => {
    const node = follower();
    node.start();
    node.votes('prevote', 7, null, 0);
    node.votes('precommit', 7, null, 0);
    node.votes('prevote', 7, A, 0);
    expect(node.core.machine.round).toBe(0);
  });

  it('a timeout of a round already left does nothing', () => {
    const node = follower();
    node.start();
    node.votes('prevote', 3, null, 0, 1);
    node.timeout('propose', 0);
    node.timeout('prevote', 0);
    node.timeout('precommit', 0);
    expect(node.core.machine).toMatchObject({ round: 3, step: 'propose' });
    expect(node.said()).toEqual([]);
  });

  it('timeouts grow with the round and stop growing at a minute', () => {
    const node = follower();
    node.start();
    node.votes('prevote', 2, null, 0, 1);
    expect(node.take('scheduleTimeout').at(-1)).toMatchObject({
      timeout: 'propose',
      round: 2,
      delayMs: 1_400,
    });
    node.votes('prevote', 900, null, 0, 1);
    expect(node.take('scheduleTimeout').at(-1)).toMatchObject({ round: 900, delayMs: 60_000 });
  });

  it('no vote leaves for a round that was left while a value was being built', () => {
    const node = createBench({ self: 0 });
    node.start();
    expect(node.take('build')).toHaveLength(1);
    node.votes('prevote', 2, null, 1, 2);
    node.built(0, A);
    expect(node.take('broadcastProposal')).toEqual([]);
    expect(node.said()).toEqual([]);
  });
});

describe('decisions', () => {
  it('the happy path decides with the precommits that carry the quorum', () => {
    const node = createBench({ self: 0 });
    node.start();
    node.built(0, A);
    expect(node.said()).toEqual(['prevote 0 aa']);
    node.votes('prevote', 0, A, 1, 2);
    node.votes('precommit', 0, A, 1, 2);
    const [decided] = node.take('decide');
    expect(decided).toMatchObject({ round: 0, blockHash: A });
    expect(decided?.precommits).toHaveLength(3);
    expect(node.core.machine.step).toBe('commit');
  });

  it('CommitFromPreviousRound: precommits of an earlier round still decide', () => {
    const node = follower();
    node.start();
    node.proposal(0, A);
    node.valid(A);
    node.votes('prevote', 1, null, 0, 1);
    expect(node.core.machine.round).toBe(1);
    node.votes('precommit', 0, A, 0, 1, 2);
    expect(node.take('decide')).toMatchObject([{ round: 0, blockHash: A }]);
  });

  it('exactly two thirds of the power are not enough', () => {
    const node = createBench({ powers: [1, 1, 1], self: undefined });
    node.start();
    node.proposal(0, A);
    node.valid(A);
    node.votes('precommit', 0, A, 0, 1);
    expect(node.take('decide')).toEqual([]);
    node.votes('precommit', 0, A, 2);
    expect(node.take('decide')).toHaveLength(1);
  });

  it('power counts, not heads', () => {
    const node = createBench({ powers: [70, 10, 10, 10], self: undefined });
    node.start();
    node.valid(A);
    node.votes('precommit', 0, A, 1, 2, 3);
    expect(node.take('decide')).toEqual([]);
    node.votes('precommit', 0, A, 0);
    expect(node.take('decide')).toHaveLength(1);
  });

  it('B1: a block with a quorum of precommits is fetched though its proposal never came', () => {
    const node = follower();
    node.start();
    node.votes('precommit', 0, A, 0, 1, 2);
    expect(node.take('check')).toMatchObject([{ blockHash: A, certified: true }]);
    node.timeout('propose', 0);
    node.timeout('precommit', 0);
    expect(node.core.machine.round).toBe(1);
    node.valid(A);
    expect(node.take('decide')).toMatchObject([{ round: 0, blockHash: A }]);
  });

  it('B1: a quorum on a block that this node finds invalid stops it; it is never voted away', () => {
    const node = follower();
    node.start();
    node.votes('precommit', 0, A, 0, 1, 2);
    node.checked(A, { answer: 'invalid', code: 'BAD_STATE_ROOT' });
    expect(node.take('halt')[0]?.reason).toContain('CERTIFIED_BLOCK_INVALID');
  });

  it('a node without a key follows and never signs', () => {
    const node = createBench({ self: undefined });
    node.start();
    node.proposal(0, A);
    node.valid(A);
    node.votes('prevote', 0, A, 0, 1, 2);
    node.votes('precommit', 0, A, 0, 1, 2);
    expect(node.effects.some((effect) => effect.kind === 'signVote')).toBe(false);
    expect(node.take('decide')).toHaveLength(1);
  });
});

describe('validity has three answers', () => {
  it('B1: unknown is as if the proposal had not arrived: nil on timeout only, a normal vote once known', () => {
    const node = follower();
    node.start();
    node.proposal(0, A);
    expect(node.take('check')).toMatchObject([{ blockHash: A }]);
    expect(node.said()).toEqual([]);
    node.valid(A);
    expect(node.said()).toEqual(['prevote 0 aa']);
  });

  it('B1: after a nil on timeout, the late answer still lets the node precommit', () => {
    const node = follower();
    node.start();
    node.proposal(0, A);
    node.timeout('propose', 0);
    node.votes('prevote', 0, A, 0, 1, 2);
    expect(node.said()).toEqual(['prevote 0 nil']);
    node.valid(A);
    expect(node.said()).toEqual(['prevote 0 nil', 'precommit 0 aa']);
  });

  it('invalid gets nil at once', () => {
    const node = follower();
    node.start();
    node.proposal(0, A);
    node.checked(A, { answer: 'invalid', code: 'X' });
    expect(node.said()).toEqual(['prevote 0 nil']);
  });

  it('an invalid value with a polka gets nil and cannot become the valid value', () => {
    const node = follower();
    node.start();
    node.votes('prevote', 0, A, 0, 1, 2);
    node.timeout('propose', 0);
    node.timeout('prevote', 0);
    node.votes('precommit', 0, null, 0, 1);
    node.timeout('precommit', 0);
    node.proposal(1, A, { validRound: 0 as never });
    node.checked(A, { answer: 'invalid', code: 'X' });
    expect(node.said().at(-1)).toBe('prevote 1 nil');
    expect(node.core.machine.validValue).toBeNull();
  });
});

describe('fresh proposals', () => {
  it('A1: a fresh proposal of a block from another origin round gets nil', () => {
    const node = follower();
    node.start();
    node.votes('prevote', 1, null, 0, 1);
    node.proposal(1, A);
    node.valid(A, 0);
    expect(node.said()[0]).toBe('prevote 1 nil');
  });

  it('A1: the same block with a polka is voted for in a later round, whatever its origin round', () => {
    const node = follower();
    node.start();
    node.votes('prevote', 0, A, 0, 1, 2);
    node.votes('prevote', 1, null, 0, 1);
    node.proposal(1, A, { validRound: 0 as never });
    node.valid(A, 0);
    expect(node.said()).toEqual(['prevote 1 aa']);
  });

  it('A5: a time stamp other than the block says gets nil', () => {
    const node = follower();
    node.start();
    node.proposal(0, A);
    node.valid(A, 0, NOW - 1);
    expect(node.said()).toEqual(['prevote 0 nil']);
  });

  it.each([
    ['from the future', -51, 'prevote 0 nil'],
    ['as far ahead as clocks may differ', -50, 'prevote 0 aa'],
    ['as late as delay and clocks allow', 350, 'prevote 0 aa'],
    ['later than that', 351, 'prevote 0 nil'],
  ])('A5: a proposal %s', (_, ageMs, vote) => {
    const node = follower();
    node.start();
    node.proposal(0, A, { arrivalMs: NOW + ageMs });
    node.valid(A);
    expect(node.said()).toEqual([vote]);
  });

  it('A5: the accepted delay grows with the round', () => {
    const node = follower();
    node.start();
    node.votes('prevote', 1, null, 0, 1);
    node.proposal(1, A, { arrivalMs: NOW + 550 });
    node.valid(A, 1);
    expect(node.said()).toEqual(['prevote 1 aa']);
  });

  it('A5: timeliness is judged on arrival, not when the answer comes', () => {
    const node = follower();
    node.start();
    node.proposal(0, A);
    node.nowMs += 10_000;
    node.valid(A, 0, NOW);
    expect(node.said()).toEqual(['prevote 0 aa']);
  });

  it('A5: a value with a polka is not asked for its age', () => {
    const node = follower();
    node.start();
    node.votes('prevote', 0, A, 0, 1, 2);
    node.votes('prevote', 1, null, 0, 1);
    node.proposal(1, A, { validRound: 0 as never, arrivalMs: NOW + 50_000 });
    node.valid(A, 0);
    expect(node.said()).toEqual(['prevote 1 aa']);
  });

  it('A5: a proposer whose clock lags does not go back behind the parent', () => {
    const node = createBench({ self: 0, parentTimestampMs: NOW + 40 });
    node.start();
    node.nowMs = NOW + 100;
    node.wake();
    node.nowMs = NOW + 20;
    const [build] = node.take('build');
    expect(build?.timestampMs).toBeGreaterThanOrEqual(NOW + 40);
  });
});

describe('equivocation', () => {
  it('two votes of one validator are evidence, reported once, and count for both values', () => {
    const node = follower();
    node.start();
    node.votes('prevote', 0, A, 0);
    node.votes('prevote', 0, B, 0);
    node.votes('prevote', 0, null, 0);
    expect(node.take('evidence')).toHaveLength(1);
    node.proposal(0, B);
    node.valid(B);
    node.votes('prevote', 0, B, 1);
    expect(node.said()).toEqual(['prevote 0 bb', 'precommit 0 bb']);
  });

  it('two proposals of one round are evidence; only the first is voted on', () => {
    const node = follower();
    node.start();
    node.proposal(0, A);
    node.proposal(0, B);
    expect(node.take('evidence')).toMatchObject([{ evidence: { kind: 'proposals' } }]);
    node.valid(B);
    expect(node.said()).toEqual([]);
    node.valid(A);
    expect(node.said()).toEqual(['prevote 0 aa']);
  });

  it('the second proposal is kept, so that a polka on it can be followed', () => {
    const node = follower();
    node.start();
    node.proposal(0, A);
    node.proposal(0, B);
    node.valid(A);
    node.votes('prevote', 0, B, 0, 1, 2);
    node.valid(B);
    expect(node.said()).toEqual(['prevote 0 aa', 'precommit 0 bb']);
  });

  it('one block in many proposals is kept twice, and leaves room for another with votes', () => {
    const node = follower();
    node.start();
    node.votes('prevote', 0, A, 0, 1);
    for (let i = 0; i < 10; i++) node.proposal(0, A, { timestampMs: node.nowMs + i });
    expect(node.core.proposals.get(asRound(0))).toHaveLength(2);
    expect(node.take('evidence')).toHaveLength(1);
    node.votes('prevote', 0, B, 1, 2);
    node.proposal(0, B);
    expect(node.core.proposals.get(asRound(0))?.at(-1)?.proposal.blockHash).toBe(B);
  });

  it('a proposal out of turn is dropped', () => {
    const node = follower();
    node.start();
    node.proposal(0, A, { proposer: '0x0000000000000000000000000000000000000002' });
    expect(node.core.proposals.size).toBe(0);
  });
});

describe('the paper', () => {
  it('every branch of Algorithm 1 was reached by the stories above', () => {
    expect([...coverage].sort()).toEqual([...BRANCHES, 'L56 skip'].sort());
  });

  it('every line from 11 to 67 was reached, and each guard is named where it is written', async () => {
    const reached = new Set<Reached>(coverage);
    // The core is made anew for each height: only a whole network goes from one to the next.
    if ((await simulate(drawOptions(3))).height > 1) reached.add('L54 next height');
    const missed = PAPER.filter(({ by }) => !by.some((one) => reached.has(one))).map(({ line }) => line);
    expect(missed).toEqual([]);
    expect(PAPER.map(({ line }) => line)).toEqual(Array.from({ length: 57 }, (_, i) => i + 11));
    const sources = ['state-machine/transition.ts', 'driver/core.ts', 'votes/keeper.ts'];
    const named = linesNamed(
      sources
        .map((path) => readFileSync(new URL(`../../../consensus/${path}`, import.meta.url), 'utf8'))
        .join('\n'),
    );
    expect(PAPER.filter(({ line, isGuard }) => isGuard && !named.has(line))).toEqual([]);
  });
});
