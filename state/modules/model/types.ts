import type { TrainingObject } from '../../../attribution/trained/api.ts';
import type { Hex, ModelEngine, SnapshotPin } from '../../types.ts';
import type { FreezeReason } from '../attestation/types.ts';

/**
 * What a model is. The chain trains `base` and `adapter` itself and every validator answers for them; an `external` one
 * is its operator's. `merged` does not work yet and keeps its number.
 */
export const MODEL_KIND = { base: 1, adapter: 2, merged: 3, external: 4 } as const;
export type ModelKind = keyof typeof MODEL_KIND;
export type TrainedModelKind = 'base' | 'adapter';

/**
 * How the chain attributes answers. Of an external model: `token`, by what they quote (docs/attribution.md), or
 * `retrieval`, by the records nearest to the prompt (docs/retrieval.md). Of one that it trained: `influence`, by the
 * samples that the answer rests on (docs/influence.md).
 */
export const ENGINE = { token: 1, retrieval: 2, influence: 3 } as const satisfies Record<ModelEngine, number>;

/**
 * Life of a model. `training`: validators train its first version; `refused`: that gave no model, for ever. A model
 * that trains a later version stays `active` with the one that it has.
 */
export const MODEL_STATUS = { active: 1, retired: 2, training: 3, refused: 4 } as const;
export type ModelStatus = keyof typeof MODEL_STATUS;

/** Why a version was refused. Numbers are part of the format. */
export const REFUSAL = {
  none: 0,
  /** Validators attested that training fails; the object says how. */
  failed: 1,
  /** The trained parameters are not those that the registrant claimed. */
  hashDiffers: 2,
  /** One answer would need more attribution units than a block has. */
  tooLarge: 3,
  /** Validators did not attest it: the subject is frozen, and says why. */
  frozen: 4,
} as const;
export type Refusal = keyof typeof REFUSAL;

/** Life of a version. `abandoned`: the model was retired before it was trained. */
export const TRAINING_STATUS = { training: 1, trained: 2, refused: 3, abandoned: 4 } as const;
export type TrainingStatus = keyof typeof TRAINING_STATUS;

/** One version of a trained model. */
export interface Training {
  version: number;
  status: TrainingStatus;
  /** The trained version that an adapter rests on; undefined for a base. */
  base: { modelId: number; version: number } | undefined;
  /** What the registrant says keccak of the parameters will be; undefined: nothing was claimed. */
  claimedHash: Hex | undefined;
  /** Subject of module 0x54 under which validators attest it. */
  subject: Hex;
  /** What they attested; undefined before, and if they never did. */
  object: TrainingObject | undefined;
  refusal: Refusal;
  /** With refusal `frozen`. */
  freezeReason: FreezeReason;
  snapshots: SnapshotPin[];
}

/**
 * What became of the root of pinned snapshots. `none`: nobody was asked for it. `refused`: validators attested that there
 * is none; `frozen`: they attested nothing, and who pins the same again asks again. Numbers are part of the format.
 */
export const ROOT_STATUS = { none: 0, open: 1, attested: 2, refused: 3, frozen: 4 } as const;
export type RootStatus = keyof typeof ROOT_STATUS;

/** Why snapshots have no root. Numbers are part of the format. */
export const ROOT_REFUSAL = {
  none: 0,
  /** More tokens than are committed to. */
  tooLarge: 1,
} as const;
export type RootRefusal = keyof typeof ROOT_REFUSAL;

/** The root of pinned snapshots, as validators attested it. */
export interface SnapshotRoot {
  /** Of the snapshots: the same for all models that pin the same. */
  id: Hex;
  status: RootStatus;
  refusal: RootRefusal;
  /** Subject of module 0x54 under which they were asked last; undefined: never. */
  subject: Hex | undefined;
  /** undefined unless it is attested. */
  root: Hex | undefined;
  /** Sizes of what is committed to; zero unless it is attested. */
  tokens: number;
  types: number;
  records: number;
  nodes: number;
}

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
  /** Answers requests; the only one who can settle them. Zero for a trained model: every validator answers. */
  operator: Hex;
  /** Receives the model's share of fees. */
  beneficiary: Hex;
  kind: ModelKind;
  engine: ModelEngine;
  status: ModelStatus;
  /** The one that answers. Grows with every repin; 0 while the first is trained. */
  version: number;
  createdAt: number;
  /** Wei per inference, and per token of the answer. */
  basePrice: bigint;
  pricePerToken: bigint;
  /** Wei that a wrong attribution is slashed from; of a trained model nothing is ever taken. */
  bond: bigint;
  totalStake: bigint;
  openRequests: number;
  name: string;
  description: string;
  parents: number[];
  royaltiesBps: number[];
  /** Flattened at registration (C4), ascending by id; the model itself is part of it. */
  lineage: LineageShare[];
  /** Pins of the current version; while the first is trained, of that one. */
  snapshots: SnapshotPin[];
  /** By which their texts are proven; only of a model whose answers are attributed by what they quote. */
  root: SnapshotRoot | undefined;
  /** Only of a trained model. */
  training: ModelTraining | undefined;
}

export interface ModelTraining {
  /** Canonical bytes of the TrainingSpec, the same for all versions. */
  spec: Uint8Array;
  /** The version that answers; undefined before the first is trained. */
  active: Training | undefined;
  /** The version that came last: in training, trained or refused. */
  newest: Training;
}

export interface StakePosition {
  amount: bigint;
  /** Wei that a claim would pay. */
  reward: bigint;
  /** First block in which it can be unstaked. */
  lockedUntil: number;
}
