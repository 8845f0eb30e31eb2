import type { Hex, SequenceEntry, SnapshotPin } from '../../state/types.ts';
import type { RuntimePins } from '../runtime-pool/index.ts';

/** What one version is trained from: all that its model and its metric depend on. */
export interface TrainingSource {
  /** Canonical bytes of the TrainingSpec. */
  readonly spec: Uint8Array;
  readonly snapshots: readonly SnapshotPin[];
  /** The pinned entries in the order of pins, then of approval. */
  readonly entries: readonly SequenceEntry[];
}

export interface TrainingJob extends TrainingSource {
  /** What an adapter rests on; undefined for a base. */
  readonly base: TrainingSource | undefined;
  /** Hash that the registrant claims; undefined: none. */
  readonly claimedHash: Hex | undefined;
}

export type TrainingAnswer =
  /** Canonical bytes of the TrainingObject; what was trained is on disk. */
  | { kind: 'done'; object: Uint8Array }
  /** Artifacts that this node does not hold yet, or holds damaged. */
  | { kind: 'missing'; roots: Hex[] }
  /** The runtime gave no answer about the graph on this machine: that says nothing of the graph. */
  | { kind: 'unknown'; reason: string };

/** A question to a model that is on disk under `key`. */
export interface AnswerJob {
  readonly key: string;
  readonly spec: Uint8Array;
  /** As validators attested them. */
  readonly modelHash: Hex;
  readonly metricHash: Hex;
  readonly requestHash: Hex;
  readonly prompt: Uint8Array;
  readonly ineligible: readonly Hex[];
}

export type AnswerReply =
  | {
      kind: 'answered';
      output: Uint8Array;
      /** Canonical bytes of the InfluenceRecord, and their hash. */
      record: Uint8Array;
      recordHash: Hex;
      credits: { contributor: Hex; parts: number }[];
      uncovered: number;
    }
  /** It is not on disk, or its file was damaged and is gone. */
  | { kind: 'absent' }
  /** The artifact of its graph is not here, or damaged. */
  | { kind: 'missing'; root: Hex }
  /** The graph gives nothing for the prompt, on every node. */
  | { kind: 'refused' };

export interface TrainerSettings {
  dataDir: string;
  /** The sentence encoder that the chain computes with. */
  encoderHash: Hex;
  /** The runtime that the chain computes with. */
  runtime: RuntimePins;
  /** From genesis: how much one answer pays to whom. */
  rules: {
    contributorCapPermille: number;
    coverageCapPermille: number;
    maxContributors: number;
    commons: number[];
  };
}

/** Answered by a thread. Each of the two kinds has a thread of its own, so that answers never wait for training. */
export interface TrainerCalls {
  train(job: TrainingJob): TrainingAnswer;
  answer(job: AnswerJob): AnswerReply;
}
