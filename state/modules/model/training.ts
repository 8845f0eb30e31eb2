/**
 * Models that the chain trains itself. A version of one is a subject of module 0x54: every validator trains it from its
 * settings and its pinned records, and attests what came out. Until then, and if it comes to nothing, the version
 * before goes on answering.
 */
import { AttributionError } from '../../../attribution/errors.ts';
import {
  answerCostOf,
  decodeTrainingObject,
  decodeTrainingSpec,
  type TrainingObject,
} from '../../../attribution/trained/api.ts';
import { inferenceUnitsOf } from '../../../genesis/inference-units.ts';
import { Fault, type Hex, type SequenceEntry, type SnapshotPin, type StateView } from '../../types.ts';
import { toHex } from '../abi.ts';
import { type Consumer, openSubject, supersede } from '../attestation/subjects.ts';
import type { ModuleContext } from '../context.ts';
import { readEntries } from '../datanet/storage.ts';
import { word } from '../storage.ts';
import { modelInterface } from './abi.ts';
import { returnBond } from './bond.ts';
import {
  type ModelState,
  type Pins,
  readModelPins,
  readModelState,
  writeModelPins,
  writeModelState,
} from './storage.ts';
import {
  beginVersion,
  endVersion,
  readTrainingObject,
  readTrainingOpening,
  readTrainingSpec,
  readTrainingSubject,
  readVersions,
  type TrainingOpening,
  trainingObjectIn,
  writeRefusal,
  writeTrainingObject,
  writeTrainingOpening,
  writeTrainingSubject,
} from './training-storage.ts';
import { REFUSAL, type Refusal } from './types.ts';

const { encodeEvent } = modelInterface;

/** All that one training needs. */
export interface TrainingInput {
  modelId: number;
  version: number;
  /** Canonical bytes of the TrainingSpec. */
  spec: Uint8Array;
  snapshots: SnapshotPin[];
  /** The pinned entries in the order of pins, then of approval. */
  entries: SequenceEntry[];
}

/** What the validators' training of one version rests on; the same at each height while its subject is open. */
export interface TrainingTask extends TrainingInput {
  /** What the registrant says keccak of the parameters will be; undefined: nothing was claimed. */
  claimedHash: Hex | undefined;
  /** What an adapter is trained on; undefined for a base. */
  base: TrainedParent | undefined;
}

/** A trained version that others rest on, and what validators attested of it. */
export interface TrainedParent extends TrainingInput {
  modelHash: Hex;
  metricHash: Hex;
}

const VERSION_BITS = 128;

/** Id of the subject of a version: the model's number in the first 16 bytes, the version's in the last 16. */
export function trainingIdOf(modelId: number | bigint, version: number): Hex {
  return toHex(word((BigInt(modelId) << BigInt(VERSION_BITS)) | BigInt(version)));
}

/** The version that an id of `trainingIdOf` names. */
export function versionOfTraining(id: Hex): { modelId: bigint; version: number } {
  const packed = BigInt(id);
  return {
    modelId: packed >> BigInt(VERSION_BITS),
    version: Number(BigInt.asUintN(VERSION_BITS, packed)),
  };
}

// --- what happens to a version ----------------------------------------------------------------------------------

/** Puts the next version of a model into training and returns its number. @throws ModuleRevert TooManySubjects */
export function beginTraining(
  context: ModuleContext,
  id: bigint,
  pins: Pins,
  opening: TrainingOpening,
): number {
  const version = beginVersion(context, id);
  writeModelPins(context, id, version, pins);
  writeTrainingOpening(context, id, version, opening);
  const subject = openSubject(context, 'training', trainingIdOf(id, version));
  writeTrainingSubject(context, id, version, subject);
  const base = [BigInt(opening.base?.modelId ?? 0), BigInt(opening.base?.version ?? 0)] as const;
  context.emit(encodeEvent('TrainingOpened', [id, BigInt(version), subject, ...base]));
  return version;
}

/** The model is given up: what validators train for it is no longer asked for. */
export function abandonTraining(context: ModuleContext, id: bigint): void {
  const { pending } = readVersions(context, id);
  if (pending === undefined) return;
  supersede(context, readTrainingSubject(context, id, pending) as Hex);
  endVersion(context, id);
}

export const trainingConsumer: Consumer = {
  // What an adapter rests on is trained before it can be registered.
  isNext: () => true,

  activate(context, subjectId, bytes) {
    const { modelId: id, version } = versionOfTraining(subjectId);
    const object = readObject(bytes, id, version);
    if (object === undefined) return false;
    writeTrainingObject(context, id, version, object.bytes);
    take(context, id, version, object.value);
    return true;
  },

  onFrozen(context, subjectId) {
    const { modelId: id, version } = versionOfTraining(subjectId);
    refuse(context, id, version, 'frozen');
  },
};

function readObject(
  body: Uint8Array,
  id: bigint,
  version: number,
): { bytes: Uint8Array; value: TrainingObject } | undefined {
  const bytes = trainingObjectIn(body, id, version);
  if (bytes === undefined) return undefined;
  try {
    return { bytes, value: decodeTrainingObject(bytes) };
  } catch (error) {
    if (error instanceof AttributionError) return undefined;
    throw error;
  }
}

/** What validators attested gives a model that answers, or none. */
function take(context: ModuleContext, id: bigint, version: number, object: TrainingObject): void {
  const refusal =
    object.outcome === 'trained' ? refusalOf(context, id, version, object) : refusalOfFailure(object);
  if (object.outcome === 'failed' || refusal !== 'none') refuse(context, id, version, refusal);
  else activate(context, id, version, object);
}

function refusalOfFailure({ failure }: Extract<TrainingObject, { outcome: 'failed' }>): Refusal {
  return failure === 'HashMismatch' ? 'hashDiffers' : 'failed';
}

/** Why a trained version must not answer; `none` if it may. */
function refusalOf(context: ModuleContext, id: bigint, version: number, object: Trained): Refusal {
  const { claimedHash } = readTrainingOpening(context, id, version);
  if (claimedHash !== undefined && claimedHash !== object.modelHash) return 'hashDiffers';
  const { block, attribution } = context.params;
  const units = answerUnits(context, id, object, attribution.maxPromptBytes);
  return units > block.attributionUnits ? 'tooLarge' : 'none';
}

type Trained = Extract<TrainingObject, { outcome: 'trained' }>;

function activate(context: ModuleContext, id: bigint, version: number, object: Trained): void {
  const state = mustState(context, id);
  endVersion(context, id);
  writeModelState(context, id, { ...state, status: 'active', version });
  const hashes = [object.modelHash as Hex, object.metricHash as Hex] as const;
  const counts = [BigInt(object.samples), BigInt(object.passedOver)] as const;
  context.emit(encodeEvent('Trained', [id, BigInt(version), ...hashes, ...counts]));
}

/** A first version that is refused ends the model; a later one leaves it as it is. */
function refuse(context: ModuleContext, id: bigint, version: number, refusal: Refusal): void {
  const state = mustState(context, id);
  endVersion(context, id);
  writeRefusal(context, id, version, refusal);
  context.emit(encodeEvent('TrainingRefused', [id, BigInt(version), BigInt(REFUSAL[refusal])]));
  if (state.status !== 'training') return;
  writeModelState(context, id, { ...state, status: 'refused' });
  returnBond(context, id);
}

function mustState(context: ModuleContext, id: bigint): ModelState {
  const state = readModelState(context, id);
  if (state === undefined) throw new Fault(`model ${id} is missing`);
  return state;
}

// --- what others need of a version ------------------------------------------------------------------------------

/** The task of a version in training. @throws Fault if there is no such version */
export function trainingTask(view: StateView, subjectId: Hex): TrainingTask {
  const { modelId, version } = versionOfTraining(subjectId);
  const { base, claimedHash } = readTrainingOpening(view, modelId, version);
  return {
    ...trainingInput(view, modelId, version),
    claimedHash,
    base: base && trainedParent(view, BigInt(base.modelId), base.version),
  };
}

function trainedParent(view: StateView, id: bigint, version: number): TrainedParent {
  const { modelHash, metricHash } = readTrained(view, id, version);
  return {
    ...trainingInput(view, id, version),
    modelHash: modelHash as Hex,
    metricHash: metricHash as Hex,
  };
}

function trainingInput(view: StateView, id: bigint, version: number): TrainingInput {
  const { spec, snapshots } = trainedOn(view, id, version);
  return { modelId: Number(id), version, spec, snapshots, entries: entriesOf(view, snapshots) };
}

/** Settings and pins of a version. @throws Fault if there is no such version */
export function trainedOn(
  view: StateView,
  id: bigint,
  version: number,
): { spec: Uint8Array; snapshots: SnapshotPin[] } {
  const spec = readTrainingSpec(view, id);
  const snapshots = readModelPins(view, id, version);
  if (spec === undefined || snapshots === undefined)
    throw new Fault(`model ${id} has no version ${version} that is trained`);
  return { spec, snapshots };
}

export function entriesOf(view: StateView, snapshots: readonly SnapshotPin[]): SequenceEntry[] {
  return snapshots.flatMap((pin) => readEntries(view, BigInt(pin.dataNetId), 0, pin.length));
}

/** Attribution units of one answer of a version of which validators attested `object`. */
export function answerUnits(
  view: StateView,
  id: bigint,
  { samples, dimensions, layers }: Trained,
  promptBytes: number,
): number {
  const spec = readTrainingSpec(view, id);
  if (spec === undefined) throw new Fault(`training settings of model ${id} are missing`);
  const decoded = decodeTrainingSpec(spec);
  const { solver } = decoded.metric;
  return inferenceUnitsOf({ promptBytes, samples, dimensions, layers, solver, ...answerCostOf(decoded) });
}

/** What validators attested of a version that answers, or answered. @throws Fault if it never did */
export function readTrained(view: StateView, id: bigint, version: number): Trained {
  const bytes = readTrainingObject(view, id, version);
  const object = bytes && decodeTrainingObject(bytes);
  if (object?.outcome !== 'trained') throw new Fault(`version ${version} of model ${id} is not trained`);
  return object;
}
