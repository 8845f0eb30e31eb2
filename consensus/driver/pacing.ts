/**
 * When round 0 begins in earnest. Blocks are made on demand: the proposer builds as soon as there is something to
 * include, and the others start to wait for it only when they have seen something to include themselves (A8), or
 * when the heartbeat of an idle chain is due. Pure arithmetic on times that are handed in, in milliseconds.
 */
import type { ConsensusParameters } from '../parameters.ts';

export interface Pacing {
  /** When this node began the height. */
  readonly startMs: number;
  /** Time stamp of the parent; a proposer with a fast clock must not hold up the chain, so it is cut at startMs. */
  readonly parentTimestampMs: number;
  /** Since when this node has held an includable transaction without a break; undefined if it holds none. */
  readonly transactionsSinceMs: number | undefined;
  /** All precommits of the parent are here: waiting for more (A7) is pointless. */
  readonly parentComplete: boolean;
}

/** The same height by a clock that says `nowMs`, which is before its start. */
export function setBack(pacing: Pacing, nowMs: number): Pacing {
  const { transactionsSinceMs } = pacing;
  return {
    ...pacing,
    startMs: nowMs,
    transactionsSinceMs: transactionsSinceMs === undefined ? undefined : Math.min(transactionsSinceMs, nowMs),
  };
}

/** Earliest time at which the proposer of round 0 builds. Finite, because the heartbeat comes. */
export function buildAtMs(pacing: Pacing, parameters: ConsensusParameters): number {
  // The heartbeat is counted from the parent: after a pause of the whole chain, and for its first block, it is due.
  const heartbeatAt = Math.min(pacing.parentTimestampMs, pacing.startMs) + parameters.heartbeatMs;
  const wantedAt = Math.min(pacing.transactionsSinceMs ?? Number.POSITIVE_INFINITY, heartbeatAt);
  return Math.max(wantedAt, notBeforeMs(pacing, parameters));
}

/** When the propose timeout of round 0 starts to run (A8): never before an honest proposer could have built. */
export function expectProposalAtMs(pacing: Pacing, parameters: ConsensusParameters): number {
  const wantedAt = Math.min(
    (pacing.transactionsSinceMs ?? Number.POSITIVE_INFINITY) + parameters.gossipGraceMs,
    pacing.startMs + parameters.heartbeatMs,
  );
  return Math.max(wantedAt, notBeforeMs(pacing, parameters));
}

/** A7 and the least distance of blocks. */
function notBeforeMs(pacing: Pacing, parameters: ConsensusParameters): number {
  const parentMs = Math.min(pacing.parentTimestampMs, pacing.startMs);
  const precommitsMs = pacing.parentComplete ? pacing.startMs : pacing.startMs + parameters.commitWaitMs;
  return Math.max(parentMs + parameters.minBlockIntervalMs, precommitsMs);
}
