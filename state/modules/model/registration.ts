/** What the registrations of all kinds of models have in common. */
import { MAX_RECORDS as MAX_TRAINING_RECORDS } from '../../../attribution/trained/limits.ts';
import type { ChainParams } from '../../../genesis/types.ts';
import type { Hex, ModelEngine, SnapshotPin } from '../../types.ts';
import { readDataNetHead, readSnapshot, readVolume } from '../datanet/storage.ts';
import * as LIMIT from '../limits.ts';
import type { MeteredContext } from '../meter.ts';
import { checkText } from '../module.ts';
import { ZERO_ADDRESS } from '../storage.ts';
import { modelInterface } from './abi.ts';
import { flattenLineage } from './lineage.ts';
import { type ModelState, type Pins, readModelCard, readModelState } from './storage.ts';
import type { LineageShare } from './types.ts';

const { revert, encodeEvent } = modelInterface;
const MAX_ROYALTIES_BPS = 10_000n;

export function known(context: MeteredContext, id: bigint): ModelState {
  const state = readModelState(context, id);
  if (state === undefined) throw revert('UnknownModel', [id]);
  return state;
}

export function checkCard(name: string, description: string): void {
  if (name === '') throw revert('EmptyName', []);
  checkText(name, LIMIT.MAX_NAME_BYTES);
  checkText(description, LIMIT.MAX_DESCRIPTION_BYTES);
}

export function checkAddresses(...addresses: Hex[]): void {
  if (addresses.includes(ZERO_ADDRESS)) throw revert('ZeroAddress', []);
}

/** Ascending lists have one spelling and no doubles. */
export function checkAscending(ids: readonly bigint[]): void {
  ids.forEach((id, i) => {
    if (i > 0 && id <= (ids[i - 1] as bigint)) throw revert('NotAscending', [id]);
  });
}

/** Pins, and what the snapshots hold in all beside records. */
export interface Pinned extends Pins {
  entries: number;
  bytes: number;
}

/** Records of all snapshots of one model, each engine for its reason. */
function maxRecords(engine: ModelEngine, { retrieval }: ChainParams): number {
  switch (engine) {
    case 'token':
      return LIMIT.MAX_PINNED_RECORDS;
    case 'retrieval':
      return retrieval.maxRecords;
    case 'influence':
      return MAX_TRAINING_RECORDS;
  }
}

/** Snapshots of the DataNets as they are now: what makes an answer's attribution reproducible (C1). */
export function pinNow(context: MeteredContext, dataNetIds: readonly bigint[], engine: ModelEngine): Pinned {
  const limit = context.params.inference.maxSnapshotsPerModel;
  if (dataNetIds.length === 0) throw revert('NoDataNets', []);
  if (dataNetIds.length > limit) throw revert('TooManyDataNets', [BigInt(dataNetIds.length), BigInt(limit)]);
  checkAscending(dataNetIds);
  let [entries, records, bytes] = [0, 0, 0];
  const snapshots = dataNetIds.map((id) => {
    const head = readDataNetHead(context, id);
    if (head === undefined) throw revert('UnknownDataNet', [id]);
    if (head.status !== 'published') throw revert('DataNetNotPublished', [id]);
    const pin = readSnapshot(context, id);
    if (pin.length === 0) throw revert('EmptySnapshot', [id]);
    const volume = readVolume(context, id);
    entries += pin.length;
    records += volume.records;
    bytes += volume.bytes;
    return pin;
  });
  if (entries > LIMIT.MAX_PINNED_ENTRIES)
    throw revert('TooManyEntries', [BigInt(entries), BigInt(LIMIT.MAX_PINNED_ENTRIES)]);
  const most = maxRecords(engine, context.params);
  if (records > most) throw revert('TooManyRecords', [BigInt(records), BigInt(most)]);
  if (bytes > LIMIT.MAX_PINNED_BYTES)
    throw revert('SnapshotsTooLarge', [BigInt(bytes), BigInt(LIMIT.MAX_PINNED_BYTES)]);
  return { snapshots, entries, records, bytes };
}

export function lineageOf(
  context: MeteredContext,
  modelId: number,
  parents: readonly bigint[],
  royaltiesBps: readonly bigint[],
): LineageShare[] {
  if (parents.length > LIMIT.MAX_PARENTS)
    throw revert('TooManyParents', [BigInt(parents.length), BigInt(LIMIT.MAX_PARENTS)]);
  if (parents.length !== royaltiesBps.length)
    throw revert('RoyaltiesMismatch', [BigInt(parents.length), BigInt(royaltiesBps.length)]);
  checkAscending(parents);
  const sum = royaltiesBps.reduce((a, b) => a + b, 0n);
  if (sum > MAX_ROYALTIES_BPS) throw revert('RoyaltiesTooHigh', [sum]);
  const lineage = flattenLineage(
    modelId,
    parents.map((parent, i) => {
      known(context, parent);
      return {
        modelId: Number(parent),
        royaltyBps: Number(royaltiesBps[i]),
        lineage: readModelCard(context, parent).lineage,
      };
    }),
  );
  if (lineage.length - 1 > LIMIT.MAX_ANCESTORS)
    throw revert('TooManyAncestors', [BigInt(lineage.length - 1), BigInt(LIMIT.MAX_ANCESTORS)]);
  return lineage;
}

export function emitPins(
  context: MeteredContext,
  id: bigint,
  version: number,
  pinned: readonly SnapshotPin[],
): void {
  for (const { dataNetId, length, historyHash } of pinned)
    context.emit(
      encodeEvent('Pinned', [id, BigInt(version), BigInt(dataNetId), BigInt(length), historyHash]),
    );
}
