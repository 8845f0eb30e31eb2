import type { ApprovalTask } from '../../state/modules/contribution/views.ts';
import type { RootTask, TrainingTask } from '../../state/modules/model/views.ts';
import type { Hex } from '../../state/types.ts';

/** What validators compute: one shape for each kind of subject. */
export type ObjectTask = ApprovalJob | TrainingJob | RootJob;
export type ApprovalJob = { kind: 'approval' } & ApprovalTask;
export type TrainingJob = { kind: 'training' } & TrainingTask;
export type RootJob = { kind: 'root' } & RootTask;

export type ObjectAnswer =
  | { kind: 'done'; object: Uint8Array }
  /** Artifacts that this node does not hold yet, or holds damaged. */
  | { kind: 'missing'; roots: Hex[] }
  /** This machine cannot say, and says nothing. */
  | { kind: 'unknown'; reason: string };

export interface WorkerSettings {
  dataDir: string;
}

/** Answered by the worker for the executor. */
export interface WorkerCalls {
  compute(task: ApprovalJob): ObjectAnswer;
}
