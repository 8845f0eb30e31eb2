import type { AttributionEngine, Hex, SnapshotPin } from '../../types.ts';

/** What a model is. Only `external` works in this form of the module; the others keep their numbers. */
export const MODEL_KIND = { base: 1, adapter: 2, merged: 3, external: 4 } as const;
export type ModelKind = keyof typeof MODEL_KIND;

/**
 * How the chain attributes the answers of an external model. `token`: by what they quote (docs/attribution.md);
 * `retrieval`: by the records nearest to the prompt (docs/retrieval.md).
 */
export const ENGINE = { token: 1, retrieval: 2 } as const satisfies Record<AttributionEngine, number>;

export const MODEL_STATUS = { active: 1, retired: 2 } as const;
export type ModelStatus = keyof typeof MODEL_STATUS;

/** Part of a model's income that goes to a model of its lineage, parts of 10^9. */
export interface LineageShare {
  modelId: number;
  parts: number;
}

/** A whole: parts of a lineage sum to this. */
export const WHOLE = 1_000_000_000;

export interface Model {
  /** From 1. */
  id: number;
  owner: Hex;
  /** Answers requests; the only one who can settle them. */
  operator: Hex;
  /** Receives the model's share of fees. */
  beneficiary: Hex;
  kind: ModelKind;
  engine: AttributionEngine;
  status: ModelStatus;
  /** Grows with every repin. */
  version: number;
  createdAt: number;
  /** Wei per inference, and per token of the answer. */
  basePrice: bigint;
  pricePerToken: bigint;
  /** Wei that a wrong attribution is slashed from. */
  bond: bigint;
  totalStake: bigint;
  openRequests: number;
  name: string;
  description: string;
  parents: number[];
  royaltiesBps: number[];
  /** Flattened at registration (C4), ascending by id; the model itself is part of it. */
  lineage: LineageShare[];
  /** Pins of the current version. */
  snapshots: SnapshotPin[];
}

export interface StakePosition {
  amount: bigint;
  /** Wei that a claim would pay. */
  reward: bigint;
  /** First block in which it can be unstaked. */
  lockedUntil: number;
}
