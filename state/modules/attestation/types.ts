import type { Hex } from '../../types.ts';

/** What validators compute about an id. Numbers are part of the format. */
export const SUBJECT_KIND = {
  /** Id: a contribution. Object: which of its records are new to the DataNet, see contribution/approval.ts. */
  approval: 1,
  /** Id: a version of a model, see model/training.ts. Object: what its training gave. */
  training: 2,
  /** Id: of pinned snapshots, see model/root-storage.ts. Object: the root by which their texts are proven. */
  root: 3,
} as const;
export type SubjectKind = keyof typeof SUBJECT_KIND;

/**
 * Life of a subject. `open`: validators attest. `attested`: one root has more than two thirds of the power; its object
 * may be published from `activationBlocks` later on. `active`: the object is in the state. `frozen`: never will be.
 */
export const SUBJECT_STATUS = { open: 1, attested: 2, active: 3, frozen: 4 } as const;
export type SubjectStatus = keyof typeof SUBJECT_STATUS;

/** Why a subject is frozen. */
export const FREEZE_REASON = {
  none: 0,
  /** So much power differs that no root can reach two thirds any more. */
  disagreement: 1,
  /** Not done within `expiryBlocks`. */
  expired: 2,
  /** Two thirds attested an object that means nothing. */
  malformed: 3,
  /** Something before it changed; the same id has a new subject. */
  superseded: 4,
} as const;
export type FreezeReason = keyof typeof FREEZE_REASON;

/** What never changes about a subject. */
export interface Opening {
  kind: SubjectKind;
  /** What it is about. */
  id: Hex;
  /** Number over the whole chain, from 1. */
  sequence: number;
  /** Block of its opening: members of set(openedAt) attest it. */
  openedAt: number;
  /** Names the members in the state. */
  members: Hex;
  totalPower: bigint;
}

export interface Subject extends Opening {
  key: Hex;
  status: SubjectStatus;
  reason: FreezeReason;
  /** Block in which the status became what it is; 0 while open. */
  settledAt: number;
  /** While attested: first block that may carry the object; 0 otherwise. */
  activeFrom: number;
  /** Root with more than two thirds of the power; undefined before. */
  root: Hex | undefined;
  /** Power that has attested anything, and the most that one root has. */
  votedPower: bigint;
  bestPower: bigint;
}

/** What one validator said. */
export interface Attestation {
  validator: Hex;
  power: bigint;
  /** undefined: nothing yet. */
  root: Hex | undefined;
}

/** Transactions of type 0x54, decoded. */
export type AttestationOperation =
  | { op: 'attest'; subject: Hex; validator: Hex; root: Hex; signature: Uint8Array }
  | { op: 'publish'; subject: Hex; object: Uint8Array };
