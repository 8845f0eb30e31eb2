/** Variables of Algorithm 1 in arXiv 1807.04938, for one height, and what goes in and out of its rules. */
import { type Hash, NO_ROUND, type Round, type RoundOrNone } from '../types.ts';

/** `newRound` is before line 11 has run, `commit` is after line 51. */
export type Step = 'newRound' | 'propose' | 'prevote' | 'precommit' | 'commit';

export interface MachineState {
  readonly round: RoundOrNone;
  readonly step: Step;
  readonly lockedValue: Hash | null;
  readonly lockedRound: RoundOrNone;
  readonly validValue: Hash | null;
  readonly validRound: RoundOrNone;
  /** "for the first time" of lines 34, 36 and 47: has the rule fired in this round? */
  readonly fired: { readonly line34: boolean; readonly line36: boolean; readonly line47: boolean };
  readonly decision: { readonly blockHash: Hash; readonly round: Round } | null;
}

export const INITIAL_STATE: MachineState = {
  round: NO_ROUND,
  step: 'newRound',
  lockedValue: null,
  lockedRound: NO_ROUND,
  validValue: null,
  validRound: NO_ROUND,
  fired: { line34: false, line36: false, line47: false },
  decision: null,
};

/**
 * Complex events: what lines 11-67 wait for, already found by the driver. The driver guarantees the quorums, the
 * origin of proposals and `acceptable`; the guards on the machine's own variables are checked here.
 */
export type MachineEvent =
  /** Lines 11-21, and 55-56 and 65-67 through it. */
  | { readonly kind: 'startRound'; readonly round: Round; readonly isProposer: boolean }
  /** Line 18: getValue() has returned. */
  | { readonly kind: 'valueBuilt'; readonly round: Round; readonly blockHash: Hash }
  /**
   * Line 22. `acceptable` is valid(v), and for a fresh proposal also originRound = round and timeliness (A1, A5).
   */
  | { readonly kind: 'proposal'; readonly blockHash: Hash; readonly acceptable: boolean }
  /** Line 28: with 2f+1 prevotes of validRound. */
  | {
      readonly kind: 'proposalWithPolka';
      readonly blockHash: Hash;
      readonly validRound: Round;
      readonly acceptable: boolean;
    }
  /** Line 34. */
  | { readonly kind: 'polkaAny' }
  /** Line 36: valid proposal of this round with 2f+1 prevotes of this round. */
  | { readonly kind: 'polkaValue'; readonly blockHash: Hash }
  /** Line 44. */
  | { readonly kind: 'polkaNil' }
  /** Line 47. */
  | { readonly kind: 'precommitAny' }
  /** Line 49: any round. */
  | { readonly kind: 'commitValue'; readonly round: Round; readonly blockHash: Hash }
  /** Line 57. */
  | { readonly kind: 'timeoutPropose'; readonly round: Round }
  /** Line 61. */
  | { readonly kind: 'timeoutPrevote'; readonly round: Round }
  /** Line 65, followed by startRound(round + 1). */
  | { readonly kind: 'timeoutPrecommit'; readonly round: Round };

export type MachineOutput =
  /** Line 18: the proposer needs a value. */
  | { readonly kind: 'getValue'; readonly round: Round }
  /** Line 19. */
  | {
      readonly kind: 'propose';
      readonly round: Round;
      readonly blockHash: Hash;
      readonly validRound: RoundOrNone;
    }
  /** Lines 21, 35, 48. */
  | {
      readonly kind: 'scheduleTimeout';
      readonly timeout: 'propose' | 'prevote' | 'precommit';
      readonly round: Round;
    }
  /** Lines 24, 26, 30, 32, 59. */
  | { readonly kind: 'prevote'; readonly round: Round; readonly blockHash: Hash | null }
  /** Lines 40, 45, 63. */
  | { readonly kind: 'precommit'; readonly round: Round; readonly blockHash: Hash | null }
  /** Line 67: the driver answers with startRound. */
  | { readonly kind: 'nextRound'; readonly round: Round }
  /** Line 51. */
  | { readonly kind: 'decide'; readonly round: Round; readonly blockHash: Hash };

/** Names of the branches of the algorithm, by the line at which they begin. A test shows that all are reached. */
export const BRANCHES = [
  'L16 propose validValue',
  'L18 getValue',
  'L19 propose new value',
  'L21 schedule propose timeout',
  'L24 prevote fresh value',
  'L26 prevote nil for fresh value',
  'L30 prevote value with polka',
  'L32 prevote nil against lock',
  'L35 schedule prevote timeout',
  'L38 lock and precommit',
  'L42 update validValue only',
  'L45 precommit nil',
  'L48 schedule precommit timeout',
  'L51 decide',
  'L59 prevote nil on timeout',
  'L63 precommit nil on timeout',
  'L67 next round',
] as const;
export type Branch = (typeof BRANCHES)[number];

export interface Transition {
  readonly state: MachineState;
  readonly outputs: readonly MachineOutput[];
  /** Which branch was taken; undefined if a guard held the event back. */
  readonly branch: Branch | undefined;
}
