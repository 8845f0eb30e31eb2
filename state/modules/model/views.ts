/** What the RPC and the explorer read of models: pure functions of one state. */
import type { Hex, SnapshotPin, StateView } from '../../types.ts';
import { MAX_PAGE } from '../limits.ts';
import { readModel } from './read.ts';
import { readModelCount, readModelPins, readStake } from './storage.ts';
import type { Model, StakePosition } from './types.ts';

export { encodeRoot, type RootObject, rootSlot, type SnapshotName, snapshotsIdOf } from './root-storage.ts';
export { type RootTask, rootOfSnapshots, rootTask } from './roots.ts';
export {
  type TrainedParent,
  type TrainingInput,
  type TrainingTask,
  trainingIdOf,
  trainingTask,
} from './training.ts';
export { encodeTraining } from './training-storage.ts';
export type { Model, ModelTraining, SnapshotRoot, StakePosition, Training } from './types.ts';

export function modelCount(view: StateView): number {
  return readModelCount(view);
}

export function model(view: StateView, id: number): Model | undefined {
  return Number.isSafeInteger(id) && id >= 0 ? readModel(view, BigInt(id)) : undefined;
}

/** Models with ids from `from` (1 is the first), at most `limit` and MAX_PAGE of them. */
export function models(view: StateView, from: number, limit: number): Model[] {
  const first = Math.max(1, from);
  const last = Math.min(readModelCount(view), first + Math.min(limit, MAX_PAGE) - 1);
  const found: Model[] = [];
  for (let id = first; id <= last; id++) found.push(readModel(view, BigInt(id)) as Model);
  return found;
}

/** What version `version` of a model pinned. */
export function modelSnapshots(view: StateView, id: number, version: number): SnapshotPin[] | undefined {
  return readModelPins(view, BigInt(id), version);
}

/** Stake of one account in one model, and what a claim would pay. */
export function modelStake(view: StateView, id: number, staker: Hex): StakePosition {
  return readStake(view, BigInt(id), staker);
}
