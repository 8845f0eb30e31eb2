/**
 * Layout of what only trained models have, in the accounts of storage.ts. Account 0x4f4c…52:
 * `model.trainings` (how many versions of all models are in training); per id `model.versions` (newest u32, pending u32:
 * the version in training, 0: none); per id and version `model.subject`, `model.refusal`. Record account 0x4f4c…0152: per id `model.spec`
 * (canonical bytes of the TrainingSpec); per id and version `model.training` (what it is trained on),
 * `model.trained` (the object that validators attested).
 */
import { Fault, type Hex, type StateView } from '../../types.ts';
import { concatBytes, defineStruct } from '../abi.ts';
import type { ModuleContext } from '../context.ts';
import {
  readHash,
  readNumber,
  readPacked,
  readRecord,
  slotOf,
  writeHash,
  writePacked,
  writeRecord,
  writeUint,
  ZERO_HASH,
} from '../storage.ts';
import { MODEL_ADDRESS, MODEL_RECORDS } from './storage.ts';
import { REFUSAL, type Refusal } from './types.ts';

const TRAININGS = slotOf('model.trainings');
const versionsSlot = (id: bigint) => slotOf('model.versions', id);
const subjectSlot = (id: bigint, version: number) => slotOf('model.subject', id, version);
const refusalSlot = (id: bigint, version: number) => slotOf('model.refusal', id, version);
const specSlot = (id: bigint) => slotOf('model.spec', id);
const trainingSlot = (id: bigint, version: number) => slotOf('model.training', id, version);
const trainedSlot = (id: bigint, version: number) => slotOf('model.trained', id, version);

const VERSIONS = [
  ['newest', 4],
  ['pending', 4],
] as const;

const training = defineStruct('uint256 baseId, uint256 baseVersion, bytes32 claimedHash');

/** What a version is trained on beside its snapshots. */
export interface TrainingOpening {
  /** The trained version that an adapter rests on; undefined for a base. */
  base: { modelId: number; version: number } | undefined;
  /** What the registrant says keccak of the parameters will be; undefined: nothing was claimed. */
  claimedHash: Hex | undefined;
}

/** Versions of all models that are in training. */
export function readTrainingCount(view: StateView): number {
  return readNumber(view, MODEL_ADDRESS, TRAININGS);
}

/** The version that was opened last, and the one in training (undefined: none). */
export interface Versions {
  newest: number;
  pending: number | undefined;
}

export function readVersions(view: StateView, id: bigint): Versions {
  const { newest, pending } = readPacked(view, MODEL_ADDRESS, versionsSlot(id), VERSIONS);
  return { newest: Number(newest), pending: Number(pending) || undefined };
}

/** Puts the next version of a model into training and returns its number. */
export function beginVersion(context: ModuleContext, id: bigint): number {
  const { newest, pending } = readVersions(context, id);
  if (pending !== undefined) throw new Fault(`version ${pending} of model ${id} is in training`);
  const version = newest + 1;
  writeVersions(context, id, { newest: version, pending: version });
  writeUint(context, MODEL_ADDRESS, TRAININGS, readTrainingCount(context) + 1);
  return version;
}

/** The version in training no longer is. */
export function endVersion(context: ModuleContext, id: bigint): void {
  const { newest, pending } = readVersions(context, id);
  if (pending === undefined) throw new Fault(`no version of model ${id} is in training`);
  writeVersions(context, id, { newest, pending: undefined });
  writeUint(context, MODEL_ADDRESS, TRAININGS, readTrainingCount(context) - 1);
}

function writeVersions(context: ModuleContext, id: bigint, { newest, pending }: Versions): void {
  writePacked(context, MODEL_ADDRESS, versionsSlot(id), VERSIONS, {
    newest: BigInt(newest),
    pending: BigInt(pending ?? 0),
  });
}

const refusals = new Map<number, Refusal>(
  Object.entries(REFUSAL).map(([name, number]) => [number, name as Refusal]),
);

export function readRefusal(view: StateView, id: bigint, version: number): Refusal {
  return refusals.get(readNumber(view, MODEL_ADDRESS, refusalSlot(id, version))) ?? 'none';
}

export function writeRefusal(context: ModuleContext, id: bigint, version: number, refusal: Refusal): void {
  writeUint(context, MODEL_ADDRESS, refusalSlot(id, version), REFUSAL[refusal]);
}

/** Subject of module 0x54 under which a version was trained; undefined if it never was. */
export function readTrainingSubject(view: StateView, id: bigint, version: number): Hex | undefined {
  const key = readHash(view, MODEL_ADDRESS, subjectSlot(id, version));
  return key === ZERO_HASH ? undefined : key;
}

export function writeTrainingSubject(context: ModuleContext, id: bigint, version: number, key: Hex): void {
  writeHash(context, MODEL_ADDRESS, subjectSlot(id, version), key);
}

/** Canonical bytes of the TrainingSpec; undefined for a model that the chain does not train. */
export function readTrainingSpec(view: StateView, id: bigint): Uint8Array | undefined {
  return readRecord(view, MODEL_RECORDS, specSlot(id));
}

export function writeTrainingSpec(context: ModuleContext, id: bigint, spec: Uint8Array): void {
  writeRecord(context, MODEL_RECORDS, specSlot(id), spec);
}

/** @throws Fault for a version that was never trained */
export function readTrainingOpening(view: StateView, id: bigint, version: number): TrainingOpening {
  const payload = readRecord(view, MODEL_RECORDS, trainingSlot(id, version));
  if (payload === undefined) throw new Fault(`training of model ${id}, version ${version} is missing`);
  const { baseId, baseVersion, claimedHash } = training.decode(payload);
  return {
    base: baseId === 0n ? undefined : { modelId: Number(baseId), version: Number(baseVersion) },
    claimedHash: claimedHash === ZERO_HASH ? undefined : claimedHash,
  };
}

export function writeTrainingOpening(
  context: ModuleContext,
  id: bigint,
  version: number,
  { base, claimedHash }: TrainingOpening,
): void {
  writeRecord(
    context,
    MODEL_RECORDS,
    trainingSlot(id, version),
    training.encode({
      baseId: BigInt(base?.modelId ?? 0),
      baseVersion: BigInt(base?.version ?? 0),
      claimedHash: claimedHash ?? ZERO_HASH,
    }),
  );
}

/**
 * What validators attest of a version: slot ‖ canonical bytes of the TrainingObject. It is the body that the state will
 * hold, so that the attested root is the value of the body's slot, and no object fits two versions.
 */
export function encodeTraining(modelId: number | bigint, version: number, object: Uint8Array): Uint8Array {
  return concatBytes(trainedSlot(BigInt(modelId), version), object);
}

/** The TrainingObject in such bytes; undefined if they belong elsewhere. */
export function trainingObjectIn(body: Uint8Array, modelId: bigint, version: number): Uint8Array | undefined {
  const slot = trainedSlot(modelId, version);
  return slot.every((byte, i) => byte === body[i]) ? body.subarray(slot.length) : undefined;
}

/** Canonical bytes of the attested TrainingObject; undefined before. */
export function readTrainingObject(view: StateView, id: bigint, version: number): Uint8Array | undefined {
  return readRecord(view, MODEL_RECORDS, trainedSlot(id, version));
}

export function writeTrainingObject(
  context: ModuleContext,
  id: bigint,
  version: number,
  object: Uint8Array,
): void {
  writeRecord(context, MODEL_RECORDS, trainedSlot(id, version), object);
}
