/**
 * Models that the chain trains itself. A version of one is a subject of module 0x54: every validator trains it from its
 * settings and its pinned records, and attests what came out.
 */
import { Fault, type Hex, type SequenceEntry, type SnapshotPin, type StateView } from '../../types.ts';
import { toHex } from '../abi.ts';
import type { Consumer } from '../attestation/subjects.ts';
import { readEntries } from '../datanet/storage.ts';
import { word } from '../storage.ts';
import { readModelPins } from './storage.ts';
import { readTrainingOpening, readTrainingSpec } from './training-storage.ts';

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

const VERSION_BITS = 128n;

/** Id of the subject of a version: the model's number in the first 16 bytes, the version's in the last 16. */
export function trainingIdOf(modelId: number | bigint, version: number): Hex {
  return toHex(word((BigInt(modelId) << VERSION_BITS) | BigInt(version)));
}

/** The version that an id of `trainingIdOf` names. */
export function versionOfTraining(id: Hex): { modelId: bigint; version: number } {
  const packed = BigInt(id);
  return { modelId: packed >> VERSION_BITS, version: Number(BigInt.asUintN(128, packed)) };
}

/** The task of a version in training. @throws Fault if there is no such version */
export function trainingTask(view: StateView, id: Hex): TrainingTask {
  const { modelId, version } = versionOfTraining(id);
  const { base, claimedHash } = readTrainingOpening(view, modelId, version);
  if (base !== undefined) throw new Fault('adapters are not trained yet');
  return { ...trainingInput(view, modelId, version), claimedHash, base };
}

function trainingInput(view: StateView, modelId: bigint, version: number): TrainingInput {
  const spec = readTrainingSpec(view, modelId);
  const snapshots = readModelPins(view, modelId, version);
  if (spec === undefined || snapshots === undefined)
    throw new Fault(`model ${modelId} has no version ${version} to train`);
  const entries = snapshots.flatMap((pin) => readEntries(view, BigInt(pin.dataNetId), 0, pin.length));
  return { modelId: Number(modelId), version, spec, snapshots, entries };
}

export const trainingConsumer: Consumer = {
  isNext: () => true,
  activate: (_, id) => {
    throw new Fault(`no operation opens subject ${id} yet`);
  },
  onFrozen: (_, id) => {
    throw new Fault(`no operation opens subject ${id} yet`);
  },
};
