/**
 * Roots of pinned snapshots, by which anybody can check what their texts say (docs/proofs.md). Every validator computes
 * them beside the blocks and attests them; no model waits for that, so answers come at once and the root later.
 */
import { Fault, type Hex, type SequenceEntry, type SnapshotPin, type StateView } from '../../types.ts';
import { readLiveCount } from '../attestation/storage.ts';
import { type Consumer, openSubject } from '../attestation/subjects.ts';
import * as GAS from '../gas.ts';
import { MAX_ROOTS } from '../limits.ts';
import type { MeteredContext } from '../meter.ts';
import { modelInterface } from './abi.ts';
import type { Pinned } from './registration.ts';
import {
  closeRoot,
  openRoot,
  readRootCount,
  readRootObject,
  readRootPins,
  readSnapshotRoot,
  type SnapshotName,
  snapshotsIdOf,
} from './root-storage.ts';
import { readModelPins } from './storage.ts';
import { entriesOf } from './training.ts';
import { ROOT_REFUSAL, type SnapshotRoot } from './types.ts';

const { encodeEvent } = modelInterface;

/** The work of validators on the root of pinned snapshots; the same at each height, since DataNets are append-only. */
export interface RootTask {
  /** Of the pinned snapshots. */
  id: Hex;
  snapshots: SnapshotPin[];
  /** The pinned entries in the order of pins, then of approval. */
  entries: SequenceEntry[];
}

/**
 * Asks validators for the root of what a version pins, unless they were asked before. Does nothing while they have as
 * many to compute as they may have: the model works without, and its next `repin` asks again.
 */
export function askForRoot(context: MeteredContext, modelId: bigint, version: number, pinned: Pinned): void {
  const id = snapshotsIdOf(pinned.snapshots);
  const { status } = readSnapshotRoot(context, id);
  if (status !== 'none' && status !== 'frozen') return;
  const isFull =
    readRootCount(context) >= MAX_ROOTS || readLiveCount(context) >= context.params.attestation.maxOpen;
  if (isFull) return;
  context.useGas(
    GAS.OPEN_SUBJECT +
      GAS.PINNED_ENTRY * BigInt(pinned.entries) +
      GAS.ROOT_KIB * BigInt(Math.ceil(pinned.bytes / 1024)),
  );
  const subject = openSubject(context.unmetered, 'root', id);
  openRoot(context.unmetered, id, { modelId, version, subject });
  context.emit(encodeEvent('RootOpened', [modelId, BigInt(version), id, subject]));
}

export const rootConsumer: Consumer = {
  // What is pinned stands in its DataNets already.
  isNext: () => true,

  activate(context, id, bytes) {
    const object = readRootObject(bytes, id);
    if (object === undefined) return false;
    closeRoot(context, id, object);
    if (object.outcome === 'refused')
      context.emit(encodeEvent('RootRefused', [id, BigInt(ROOT_REFUSAL[object.refusal])]));
    else context.emit(encodeEvent('RootAttested', [id, object.root, BigInt(object.tokens)]));
    return true;
  },

  onFrozen: (context, id) => closeRoot(context, id, undefined),
};

/** The task of snapshots whose root was asked for. @throws Fault if it never was */
export function rootTask(view: StateView, id: Hex): RootTask {
  const { modelId, version } = readRootPins(view, id);
  const snapshots = readModelPins(view, modelId, version);
  if (snapshots === undefined) throw new Fault(`pins of model ${modelId}, version ${version} are missing`);
  return { id, snapshots, entries: entriesOf(view, snapshots) };
}

/** What validators say about the root of these snapshots. */
export function rootOfSnapshots(view: StateView, snapshots: readonly SnapshotName[]): SnapshotRoot {
  return readSnapshotRoot(view, snapshotsIdOf(snapshots));
}
