import { LIMITS } from './limits.ts';
import type { Round } from './types.ts';

/** The timing part of genesis that consensus reads; `genesis/` declares the same names. All in milliseconds. */
export interface ConsensusParameters {
  /** Blocks are at least this far apart. */
  readonly minBlockIntervalMs: number;
  /** An empty block is made when the chain has been idle this long. */
  readonly heartbeatMs: number;
  /** Longest wait for the remaining precommits of the parent before proposing (rule A7). */
  readonly commitWaitMs: number;
  /** How long a transaction is held before the propose timeout of round 0 starts (rule A8). */
  readonly gossipGraceMs: number;
  readonly proposeTimeoutMs: number;
  readonly prevoteTimeoutMs: number;
  readonly precommitTimeoutMs: number;
  /** Added to every timeout, and to the accepted message delay, per round. */
  readonly timeoutDeltaMs: number;
  /** Accepted difference of two correct clocks (rule A5). */
  readonly precisionMs: number;
  /** Accepted age of a proposal on arrival in round 0 (rule A5). */
  readonly messageDelayMs: number;
}

export type TimeoutKind = 'propose' | 'prevote' | 'precommit';

/** Timeouts grow with the round, until they exceed the unknown delay of the network (the paper's section II-A). */
export function timeoutMs(parameters: ConsensusParameters, kind: TimeoutKind, round: Round): number {
  const base = {
    propose: parameters.proposeTimeoutMs,
    prevote: parameters.prevoteTimeoutMs,
    precommit: parameters.precommitTimeoutMs,
  }[kind];
  return Math.min(base + round * parameters.timeoutDeltaMs, LIMITS.maxTimeoutMs);
}

/** Rule A5: `timestampMs` is timely if it is within the precision of the clocks and a delay that grows with the round. */
export function isTimely(
  parameters: ConsensusParameters,
  proposal: { readonly timestampMs: number; readonly round: Round },
  arrivalMs: number,
): boolean {
  const delayMs = Math.min(
    parameters.messageDelayMs + proposal.round * parameters.timeoutDeltaMs,
    LIMITS.maxTimeoutMs,
  );
  const earliest = proposal.timestampMs - parameters.precisionMs;
  const latest = proposal.timestampMs + delayMs + parameters.precisionMs;
  return arrivalMs >= earliest && arrivalMs <= latest;
}
