/** Registration of models that the chain trains, and their later versions. */
import { AttributionError } from '../../../attribution/errors.ts';
import {
  decodeTrainingSpec,
  fitsParent,
  type TrainingSpec,
  trainedKindOf,
  trainingWork,
} from '../../../attribution/trained/api.ts';
import { MAX_SAMPLES } from '../../../attribution/trained/limits.ts';
import { checkTrainingCost } from '../../../attribution/trained/work.ts';
import { graphUnitsOf } from '../../../genesis/inference-units.ts';
import { Fault, type Hex } from '../../types.ts';
import type { ModuleRevert } from '../context.ts';
import { readReveal } from '../contribution/storage.ts';
import * as GAS from '../gas.ts';
import { MAX_TRAININGS } from '../limits.ts';
import type { MeteredContext } from '../meter.ts';
import { ZERO_ADDRESS, ZERO_HASH } from '../storage.ts';
import { modelInterface } from './abi.ts';
import {
  checkAddresses,
  checkCard,
  emitPins,
  known,
  lineageOf,
  type Pinned,
  pinNow,
} from './registration.ts';
import {
  readModelCount,
  writeModelBond,
  writeModelCard,
  writeModelCount,
  writeModelOperator,
  writeModelOwner,
  writeModelPrice,
  writeModelState,
} from './storage.ts';
import { beginTraining } from './training.ts';
import {
  readTrainingCount,
  readTrainingOpening,
  readTrainingSpec,
  readVersions,
  type TrainingOpening,
  writeTrainingSpec,
} from './training-storage.ts';
import { ENGINE, MODEL_KIND, type TrainedModelKind } from './types.ts';

const { revert, encodeEvent } = modelInterface;

/** Multiplications that `GAS.TRAINING_WORK` pays for. */
const WORK_UNIT = 1024 * 1024;

export function registerTrained(
  context: MeteredContext,
  kind: bigint,
  name: string,
  description: string,
  parents: readonly bigint[],
  royaltiesBps: readonly bigint[],
  dataNetIds: readonly bigint[],
  baseId: bigint,
  beneficiary: Hex,
  price: bigint,
  specBytes: Uint8Array,
  claimedHash: Hex,
): [bigint] {
  const kindName = trainedKind(kind);
  checkCard(name, description);
  checkAddresses(beneficiary);
  const { minOperatorBond } = context.params.inference;
  if (context.value < minOperatorBond) throw revert('BondTooLow', [context.value, minOperatorBond]);
  const spec = readSpec(specBytes);
  if (trainedKindOf(spec) !== kindName) throw revert('SpecOfOtherKind', [kind]);
  checkGraph(context, spec);
  if (baseId !== 0n && !parents.includes(baseId)) throw revert('BaseNotAParent', [baseId]);
  const base = baseOf(context, kindName, baseId, spec);
  const modelId = readModelCount(context) + 1;
  const id = BigInt(modelId);
  const lineage = lineageOf(context, modelId, parents, royaltiesBps);
  const pinned = pinNow(context, dataNetIds, 'influence');
  payForTraining(context, spec, pinned);

  writeModelCount(context, modelId);
  writeModelOwner(context, id, context.caller);
  writeModelOperator(context, id, ZERO_ADDRESS, beneficiary);
  writeModelState(context, id, {
    status: 'training',
    kind: kindName,
    engine: 'influence',
    version: 0,
    openRequests: 0,
    createdAt: context.block.number,
  });
  writeModelPrice(context, id, { base: price, token: 0n });
  writeModelBond(context, id, context.value);
  writeModelCard(context, id, {
    name,
    description,
    parents: parents.map(Number),
    royaltiesBps: royaltiesBps.map(Number),
    lineage,
  });
  writeTrainingSpec(context, id, specBytes);
  context.emit(
    encodeEvent('Registered', [id, context.caller, ZERO_ADDRESS, kind, BigInt(ENGINE.influence), name]),
  );
  context.emit(encodeEvent('PriceSet', [id, price, 0n]));
  context.emit(encodeEvent('BondAdded', [id, context.value]));
  const claimed = claimedHash === ZERO_HASH ? undefined : claimedHash;
  train(context, id, pinned, { base, claimedHash: claimed });
  return [id];
}

/** Trains the model once more, from its settings and the snapshots of now. Returns the new version's number. */
export function trainAgain(
  context: MeteredContext,
  id: bigint,
  kind: TrainedModelKind,
  dataNetIds: readonly bigint[],
): number {
  const { newest, pending } = readVersions(context, id);
  if (pending !== undefined) throw revert('InTraining', [id, BigInt(pending)]);
  const spec = storedSpec(context, id);
  const before = readTrainingOpening(context, id, newest).base;
  const base = baseOf(context, kind, BigInt(before?.modelId ?? 0), spec);
  const pinned = pinNow(context, dataNetIds, 'influence');
  payForTraining(context, spec, pinned);
  return train(context, id, pinned, { base, claimedHash: undefined });
}

function train(context: MeteredContext, id: bigint, pinned: Pinned, opening: TrainingOpening): number {
  const version = beginTraining(context, id, pinned, opening);
  emitPins(context, id, version, pinned.snapshots);
  return version;
}

function trainedKind(kind: bigint): TrainedModelKind {
  if (kind === BigInt(MODEL_KIND.base)) return 'base';
  if (kind === BigInt(MODEL_KIND.adapter)) return 'adapter';
  throw revert('KindNotSupported', [kind]);
}

function readSpec(bytes: Uint8Array): TrainingSpec {
  return orRevert(
    () => decodeTrainingSpec(bytes),
    () => revert('InvalidTrainingSpec', []),
  );
}

/**
 * What the file of a graph is shows when validators read it. Here it is enough that every node has it, because its
 * contribution was revealed, and that one answer will fit a block if the file is what the settings say.
 */
function checkGraph(context: MeteredContext, { features }: TrainingSpec): void {
  if (features.kind !== 'onnx') return;
  const contributionId = features.contributionId as Hex;
  if (readReveal(context, contributionId)?.artifactRoot !== features.artifactRoot)
    throw revert('GraphNotRevealed', [contributionId]);
  if (graphUnitsOf(features) > context.params.block.attributionUnits) throw revert('TrainingTooLarge', []);
}

/** What the engine refuses, as a revert. The reason in words is the engine's and no part of the protocol. */
function orRevert<T>(run: () => T, refusal: () => ModuleRevert): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof AttributionError) throw refusal();
    throw error;
  }
}

function storedSpec(context: MeteredContext, id: bigint): TrainingSpec {
  const bytes = readTrainingSpec(context, id);
  if (bytes === undefined) throw new Fault(`training settings of model ${id} are missing`);
  return decodeTrainingSpec(bytes);
}

/** The version of now that an adapter rests on, for good; undefined for a base. */
function baseOf(
  context: MeteredContext,
  kind: TrainedModelKind,
  baseId: bigint,
  spec: TrainingSpec,
): TrainingOpening['base'] {
  if (kind === 'base') {
    if (baseId !== 0n) throw revert('BaseNotAParent', [baseId]);
    return undefined;
  }
  const state = known(context, baseId);
  if (state.kind !== 'base') throw revert('NotABase', [baseId]);
  if (state.status !== 'active') throw revert('ModelNotActive', [baseId]);
  if (!fitsParent(spec, storedSpec(context, baseId))) throw revert('BaseDiffers', [baseId]);
  return { modelId: Number(baseId), version: state.version };
}

/** Every validator trains, beside the blocks: what that takes is bounded and paid for from declared sizes (E2). */
function payForTraining(context: MeteredContext, spec: TrainingSpec, pinned: Pinned): void {
  const { entries, records, bytes } = pinned;
  // Every record may be a sample.
  const samples = Math.min(records, MAX_SAMPLES);
  orRevert(
    () => checkTrainingCost(spec, samples),
    () => revert('TrainingTooLarge', []),
  );
  const trainings = readTrainingCount(context);
  if (trainings >= MAX_TRAININGS) throw revert('TooManyTrainings', [BigInt(MAX_TRAININGS)]);
  context.useGas(
    GAS.OPEN_SUBJECT +
      GAS.PINNED_ENTRY * BigInt(entries) +
      GAS.TRAINING_RECORD * BigInt(records) +
      GAS.TRAINING_KIB * BigInt(Math.ceil(bytes / 1024)) +
      GAS.TRAINING_WORK * BigInt(Math.ceil(trainingWork(spec, samples) / WORK_UNIT)),
  );
}
