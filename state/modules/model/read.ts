/** Models as people read them: everything about one in one place. */
import { decodeTrainingObject } from '../../../attribution/trained/api.ts';
import { Fault, type StateView } from '../../types.ts';
import { readSubjectState } from '../attestation/storage.ts';
import { rootOfSnapshots } from './roots.ts';
import {
  isTrainedKind,
  readModelBeneficiary,
  readModelBond,
  readModelCard,
  readModelOperator,
  readModelOwner,
  readModelPins,
  readModelPrice,
  readModelState,
  readTotalStake,
} from './storage.ts';
import {
  readRefusal,
  readTrainingObject,
  readTrainingOpening,
  readTrainingSpec,
  readTrainingSubject,
  readVersions,
} from './training-storage.ts';
import type { Model, ModelTraining, Training, TrainingStatus } from './types.ts';

export function readModel(view: StateView, id: bigint): Model | undefined {
  const state = readModelState(view, id);
  if (state === undefined) return undefined;
  const price = readModelPrice(view, id);
  const training = isTrainedKind(state.kind) ? readModelTraining(view, id, state.version) : undefined;
  const snapshots = readModelPins(view, id, state.version) ?? training?.newest.snapshots ?? [];
  return {
    id: Number(id),
    owner: readModelOwner(view, id),
    operator: readModelOperator(view, id),
    beneficiary: readModelBeneficiary(view, id),
    ...state,
    basePrice: price.base,
    pricePerToken: price.token,
    bond: readModelBond(view, id),
    totalStake: readTotalStake(view, id),
    ...readModelCard(view, id),
    snapshots,
    root: state.engine === 'token' ? rootOfSnapshots(view, snapshots) : undefined,
    training,
  };
}

function readModelTraining(view: StateView, id: bigint, active: number): ModelTraining {
  const spec = readTrainingSpec(view, id);
  const newest = readTraining(view, id, readVersions(view, id).newest);
  if (spec === undefined || newest === undefined) throw new Fault(`training of model ${id} is missing`);
  return { spec, active: active === newest.version ? newest : readTraining(view, id, active), newest };
}

/** One version of a trained model; undefined if there is none. */
export function readTraining(view: StateView, id: bigint, version: number): Training | undefined {
  const subject = readTrainingSubject(view, id, version);
  if (subject === undefined) return undefined;
  const object = readTrainingObject(view, id, version);
  const refusal = readRefusal(view, id, version);
  return {
    version,
    status: statusOf(view, id, { version, isAttested: object !== undefined, isRefused: refusal !== 'none' }),
    ...readTrainingOpening(view, id, version),
    subject,
    object: object && decodeTrainingObject(object),
    refusal,
    freezeReason: readSubjectState(view, subject)?.reason ?? 'none',
    snapshots: readModelPins(view, id, version) ?? [],
  };
}

function statusOf(
  view: StateView,
  id: bigint,
  { version, isAttested, isRefused }: { version: number; isAttested: boolean; isRefused: boolean },
): TrainingStatus {
  if (isRefused) return 'refused';
  if (isAttested) return 'trained';
  return readVersions(view, id).pending === version ? 'training' : 'abandoned';
}
