/** What the RPC and the explorer read of contributions: pure functions of one state. */
import type { Hex, StateView } from '../../types.ts';
import { MAX_PAGE } from '../limits.ts';
import {
  readContribution,
  readContributionAt,
  readContributionCount,
  readContributionOf,
  readContributionsOf,
} from './storage.ts';
import type { Contribution } from './types.ts';

export { approvalOf, encodeApproval, founderOf, isAccepted } from './approval.ts';
export { commitmentOf, contributionIdOf } from './commitment.ts';
export { type ApprovalTask, approvalTask, type TaskArtifact } from './queue.ts';
export type { Contribution } from './types.ts';

/** Commits so far; sequence numbers run from 1 to this. */
export function contributionCount(view: StateView): number {
  return readContributionCount(view);
}

export function contribution(view: StateView, id: Hex): Contribution | undefined {
  return readContribution(view, id);
}

/** In the chain-wide order of commits, from sequence number `from` (1 is the first). */
export function contributions(view: StateView, from: number, limit: number): Contribution[] {
  const first = Math.max(1, from);
  const last = Math.min(readContributionCount(view), first + Math.min(limit, MAX_PAGE) - 1);
  const found: Contribution[] = [];
  for (let sequence = first; sequence <= last; sequence++)
    found.push(readContribution(view, readContributionAt(view, sequence) as Hex) as Contribution);
  return found;
}

/** Contributions to one DataNet in the order of their commits; `from` counts from 0. */
export function contributionsOf(
  view: StateView,
  dataNetId: number,
  from: number,
  limit: number,
): Contribution[] {
  const first = Math.max(0, from);
  const end = Math.min(readContributionsOf(view, BigInt(dataNetId)), first + Math.min(limit, MAX_PAGE));
  const found: Contribution[] = [];
  for (let index = first; index < end; index++)
    found.push(readContribution(view, readContributionOf(view, BigInt(dataNetId), index)) as Contribution);
  return found;
}
