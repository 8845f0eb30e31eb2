import type { Hex } from '../../types.ts';

/**
 * Life of a contribution. `forfeited`: not revealed in time, deposit burnt, order key lost (D2). `withdrawn` and
 * `rejected` end it, too. `queued`: the owner approved it, and validators attest what it brings (B4); `frozen`: they
 * could not agree, and the owner may approve it again. Only `approved` stands in a DataNet's sequence.
 */
export const CONTRIBUTION_STATUS = {
  committed: 1,
  revealed: 2,
  approved: 3,
  rejected: 4,
  withdrawn: 5,
  forfeited: 6,
  queued: 7,
  frozen: 8,
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
  /** What validators attest since the newest approval; undefined before. */
  subject: Hex | undefined;
  /** What they attested; undefined unless it stands in the sequence. */
  approval: Approval | undefined;
  flags: number;
}

export interface Approval {
  sequenceIndex: number;
  acceptedCount: number;
  /** Bit i (least significant first in byte i >> 3): record i was accepted. */
  accepted: Uint8Array;
  /** Of each record the order key of its cluster's founder, 8 bytes; zero for refused ones. */
  founders: Uint8Array;
  /** Of all its records, refused ones included. */
  tokens: number;
  /** Accepted records that are like none before them, and their bytes and tokens. */
  novelRecords: number;
  novelBytes: number;
  novelTokens: number;
  /** Of `novelTokens` those that are not quoted from earlier contributions to the DataNet. */
  unquotedTokens: number;
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
