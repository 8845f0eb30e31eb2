import type { Hex } from '../../types.ts';

/**
 * Life of a contribution. `forfeited`: not revealed in time, deposit burnt, order key lost (D2). `withdrawn` and
 * `rejected` end it, too; only `approved` stands in a DataNet's sequence.
 */
export const CONTRIBUTION_STATUS = {
  committed: 1,
  revealed: 2,
  approved: 3,
  rejected: 4,
  withdrawn: 5,
  forfeited: 6,
} as const;
export type ContributionStatus = keyof typeof CONTRIBUTION_STATUS;

export interface Contribution {
  id: Hex;
  dataNetId: number;
  contributor: Hex;
  status: ContributionStatus;
  commitment: Hex;
  /** Chain-wide number of its commit, from 1: the order key of its records. */
  commitSequence: number;
  commitBlock: number;
  /** Last block in which it can be revealed. */
  revealBy: number;
  /** Wei put down at the commit; returned by the reveal, burnt without one. */
  deposit: bigint;
  /** What the reveal said; undefined before. */
  revealed: RevealedContribution | undefined;
  /** What the approval decided; undefined before. */
  approval: { sequenceIndex: number; acceptedCount: number; accepted: Uint8Array } | undefined;
  flags: number;
}

export interface RevealedContribution {
  artifactRoot: Hex;
  /** Bytes. */
  size: number;
  recordCount: number;
  licence: string;
  metadata: string;
}

/** What a commitment hides (D2). */
export interface CommitmentInput {
  sender: Hex;
  dataNetId: number | bigint;
  artifactRoot: Hex;
  size: number | bigint;
  salt: Hex;
}
