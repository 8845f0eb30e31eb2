/**
 * An idle chain still makes a block at every heartbeat. One that makes none stands still, or this node is cut off from
 * it; both look the same from here, and in both what the node answers may be old.
 */
import type { Log } from './log.ts';
import type { Clock } from './validator/ports.ts';

/** So many heartbeats may be late before anybody is told: a restart, a round or two that failed. */
const LATE_HEARTBEATS = 3;
/** Rounds that fail take seconds each, however short the heartbeat is. */
const LEAST_MS = 15_000;
const EVERY_MS = 5_000;

export interface Pace {
  /** Time of the last block, or of this node's start if that is later: a genesis may be old when the first nodes start. */
  readonly sinceMs: number;
  readonly height: number;
  readonly heartbeatMs: number;
  readonly peers: number;
}

/** Why the head is not news; undefined while blocks come. */
export function standstill({ sinceMs, height, heartbeatMs, peers }: Pace, nowMs: number): string | undefined {
  const ageMs = nowMs - sinceMs;
  if (ageMs <= LATE_HEARTBEATS * heartbeatMs + LEAST_MS) return undefined;
  return (
    `no block for ${Math.floor(ageMs / 1000)} s after block ${height}, one is due every ${heartbeatMs / 1000} s; ` +
    `${peers} ${peers === 1 ? 'peer' : 'peers'}. ` +
    (peers === 0
      ? 'This node is alone: check its network and p2p.bootstrap'
      : 'More than two thirds of the voting power must be online and connected')
  );
}

/** Says in the log when the chain stops and when it goes on. @returns what ends that */
export function watchStandstill(
  pace: () => Pace,
  { clock, log }: { clock: Pick<Clock, 'nowMs' | 'setTimer'>; log: Log },
): () => void {
  let stoodStill = false;
  let cancel: () => void;
  const look = (): void => {
    const problem = standstill(pace(), clock.nowMs());
    if (problem !== undefined && !stoodStill) log('warn', problem);
    if (problem === undefined && stoodStill) log('info', 'blocks come again', { height: pace().height });
    stoodStill = problem !== undefined;
    cancel = clock.setTimer(EVERY_MS, look);
  };
  cancel = clock.setTimer(EVERY_MS, look);
  return () => cancel();
}
