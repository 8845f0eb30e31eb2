import type { Hex, ModelEngine, SnapshotPin } from '../../types.ts';

/** Life of a request. `rejected`: the operator posted a wrong attribution, was slashed, and the escrow returned. */
export const REQUEST_STATUS = { open: 1, settled: 2, rejected: 3, expired: 4 } as const;
export type RequestStatus = keyof typeof REQUEST_STATUS;

/** Who a part of a fee went to: third topic of `Paid`. */
export const SHARE = { platform: 0, model: 1, stakers: 2, contributor: 3, uncovered: 4, change: 5 } as const;
export type Share = keyof typeof SHARE;

/** Version of the rule of the engine `influence`; those of others are genesis parameters. */
export const INFLUENCE_VERSION = 1;

/**
 * Everything that the attribution and the price of an answer depend on, fixed when the question is asked (C1). Its
 * body's hash stands in the attribution record.
 */
export interface PinnedRequest {
  genesisHash: Hex;
  /** Chain-wide number of the request, from 1. */
  sequence: number;
  modelId: number;
  modelVersion: number;
  engine: ModelEngine;
  asker: Hex;
  /** Zero: every validator answered, since the chain trained the model. */
  operator: Hex;
  /** Owner, operator, beneficiary of the model and where their rewards go: they earn nothing as contributors (C3).
   * Nobody of a trained model. */
  related: Hex[];
  /** Version of the engine's rule. */
  attributionVersion: number;
  /** keccak of the engine's parameters. */
  paramsHash: Hex;
  /** keccak of the prompt. */
  promptHash: Hex;
  /** 0 for a trained model, whose answers are labels. */
  maxOutputTokens: number;
  basePrice: bigint;
  pricePerToken: bigint;
  escrow: bigint;
  requestedAt: number;
  /** Last block in which it can be settled. */
  expiryBlock: number;
  snapshots: SnapshotPin[];
  /** Records of all snapshots, refused ones included. */
  pinnedRecords: number;
  prompt: string;
}

export interface Inference extends PinnedRequest {
  id: Hex;
  status: RequestStatus;
  /** keccak of the pinned record's body. */
  requestHash: Hex;
  /** Wei charged, tokens of the answer and keccak of the attribution record; set when settled. */
  fee: bigint;
  outputTokens: number;
  attributionHash: Hex | undefined;
  /** Block in which it was settled, rejected or expired; 0 while open. */
  closedAt: number;
  output: string | undefined;
  attribution: AttributionFacts | undefined;
}

/** A record that the prompt of a retrieval model finds. */
export interface Citation {
  contributionId: Hex;
  dataNetId: number;
  contributor: Hex;
  /** Its place in the artifact. */
  recordIndex: number;
  /** Product of its vector and the prompt's. */
  score: number;
}

/** The attribution record as stored, read for people. */
export interface AttributionFacts {
  /** Parts of 10^9 of the data pool. */
  coverage: number;
  uncovered: number;
  credits: readonly { contributor: Hex; parts: number }[];
  /** By falling score; none for engines that cite nothing. */
  citations: readonly Citation[];
  /** Canonical bytes: keccak of them is `attributionHash`. */
  record: Uint8Array;
}
