/** Guards of Algorithm 1 that no recorded run reaches: each of these tests fails if its guard is loosened. */
import { describe, expect, it } from 'vitest';
import { INITIAL_STATE, type MachineState, type Step } from '../../../consensus/state-machine/state.ts';
import { transition } from '../../../consensus/state-machine/transition.ts';
import { asRound } from '../../../consensus/types.ts';
import { A, B, follower } from './bench.ts';

function stateAt(round: number, step: Step, changed: Partial<MachineState> = {}): MachineState {
  return { ...INITIAL_STATE, round: asRound(round), step, ...changed };
}

const lockedOn = (blockHash: typeof A, round: number): Partial<MachineState> => ({
  lockedValue: blockHash,
  lockedRound: asRound(round),
  validValue: blockHash,
  validRound: asRound(round),
});

describe('guards of the algorithm', () => {
  const proposed = { kind: 'proposalWithPolka', blockHash: A, acceptable: true } as const;

  it('line 29 opens a lock for a polka of the very round of the lock', () => {
    const state = stateAt(3, 'propose', lockedOn(B, 1));
    const { branch, outputs } = transition(state, { ...proposed, validRound: asRound(1) });
    expect(branch).toBe('L30 prevote value with polka');
    expect(outputs).toEqual([{ kind: 'prevote', round: 3, blockHash: A }]);
  });

  it('line 29 keeps a lock against a polka older than it', () => {
    const state = stateAt(3, 'propose', lockedOn(B, 1));
    const { branch } = transition(state, { ...proposed, validRound: asRound(0) });
    expect(branch).toBe('L32 prevote nil against lock');
  });

  it('line 29 prevotes the locked value whatever round its polka is of', () => {
    const state = stateAt(3, 'propose', lockedOn(A, 2));
    const { branch } = transition(state, { ...proposed, validRound: asRound(0) });
    expect(branch).toBe('L30 prevote value with polka');
  });

  it.each(['prevote', 'precommit'] as const)(
    'line 57 does nothing in step %s: nobody prevotes twice',
    (step) => {
      const state = stateAt(1, step);
      expect(transition(state, { kind: 'timeoutPropose', round: asRound(1) })).toEqual({
        state,
        outputs: [],
        branch: undefined,
      });
    },
  );

  it.each(['propose', 'precommit'] as const)(
    'line 61 does nothing in step %s: nobody precommits twice',
    (step) => {
      const state = stateAt(1, step);
      expect(transition(state, { kind: 'timeoutPrevote', round: asRound(1) })).toEqual({
        state,
        outputs: [],
        branch: undefined,
      });
    },
  );

  it('line 36 does not lock a value that nobody proposed in this round, valid or not', () => {
    const bench = follower();
    bench.start();
    bench.proposal(0, A);
    bench.valid(A);
    bench.valid(B);
    bench.votes('prevote', 0, B, 0, 1, 2);
    expect(bench.said()).toEqual(['prevote 0 aa']);
    expect(bench.core.machine).toMatchObject({ step: 'prevote', lockedValue: null, validValue: null });
    expect(bench.scheduled()).toContain('prevote 0');
  });
});
