/**
 * Layout of what only trained models have, in the accounts of storage.ts. Account 0x4f4c…52: per id `model.pending` (the
 * version in training, 0: none); per id and version `model.subject`. Record account 0x4f4c…0152: per id `model.spec`
 * (canonical bytes of the TrainingSpec); per id and version `model.training` (what it is trained on),
 * `model.trained` (the object that validators attested).
 */
import { Fault, type Hex, type StateView } from '../../types.ts';
import { concatBytes, defineStruct } from '../abi.ts';
import type { ModuleContext } from '../context.ts';
import {
  readHash,
  readNumber,
  readRecord,
  slotOf,
  writeHash,
  writeRecord,
  writeUint,
  ZERO_HASH,
} from '../storage.ts';
import { MODEL_ADDRESS, MODEL_RECORDS } from './storage.ts';

const pendingSlot = (id: bigint) => slotOf('model.pending', id);
const subjectSlot = (id: bigint, version: number) => slotOf('model.subject', id, version);
const specSlot = (id: bigint) => slotOf('model.spec', id);
const trainingSlot = (id: bigint, version: number) => slotOf('model.training', id, version);
const trainedSlot = (id: bigint, version: number) => slotOf('model.trained', id, version);

const training = defineStruct('uint256 baseId, uint256 baseVersion, bytes32 claimedHash');

/** What a version is trained on beside its snapshots. */
export interface TrainingOpening {
  /** The trained version that an adapter rests on; undefined for a base. */
  base: { modelId: number; version: number } | undefined;
  /** What the registrant says keccak of the parameters will be; undefined: nothing was claimed. */
  claimedHash: Hex | undefined;
}

/** Version in training; undefined: none. */
export function readPendingVersion(view: StateView, id: bigint): number | undefined {
  return readNumber(view, MODEL_ADDRESS, pendingSlot(id)) || undefined;
}

export function writePendingVersion(context: ModuleContext, id: bigint, version: number | undefined): void {
  writeUint(context, MODEL_ADDRESS, pendingSlot(id), version ?? 0);
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
