/**
 * Layout. Account 0x4f4c…50: `datanet.count`; per id `datanet.head` (status u8, policy u8, createdAt u64, owner),
 * `datanet.length`, `datanet.history`, `datanet.volume` (records u64, bytes u64). Record account 0x4f4c…0150: per id `datanet.text`; per id and index
 * `datanet.entry`.
 */
import { Fault, type Hex, type SequenceEntry, type SnapshotPin, type StateView } from '../../types.ts';
import { concatBytes, defineStruct, fromHex, toHex, utf8Bytes } from '../abi.ts';
import { moduleAddress, recordAddress, TYPE } from '../addresses.ts';
import type { ModuleContext } from '../context.ts';
import { keccakHex } from '../hash.ts';
import {
  readHash,
  readNumber,
  readPacked,
  readRecord,
  slotOf,
  word,
  writeHash,
  writePacked,
  writeRecord,
  writeUint,
} from '../storage.ts';
import {
  DATANET_POLICY,
  DATANET_STATUS,
  type DataNet,
  type DataNetPolicy,
  type DataNetStatus,
} from './types.ts';

export const DATANET_ADDRESS = moduleAddress(TYPE.datanet);
export const DATANET_RECORDS = recordAddress(TYPE.datanet);

const COUNT = slotOf('datanet.count');
const headSlot = (id: bigint) => slotOf('datanet.head', id);
const lengthSlot = (id: bigint) => slotOf('datanet.length', id);
const volumeSlot = (id: bigint) => slotOf('datanet.volume', id);
const historySlot = (id: bigint) => slotOf('datanet.history', id);
const textSlot = (id: bigint) => slotOf('datanet.text', id);
const entrySlot = (id: bigint, index: number) => slotOf('datanet.entry', id, index);

const HEAD = [
  ['status', 1],
  ['policy', 1],
  ['createdAt', 8],
  ['owner', 20],
] as const;

const VOLUME = [
  ['records', 8],
  ['bytes', 8],
] as const;

/** What owners decide about a DataNet and settlements never read. */
const text = defineStruct(
  'string name, string summary, string description, string[] tags, string payoutNote',
);
export type DataNetText = ReturnType<(typeof text)['decode']>;

const entry = defineStruct(
  'bytes32 contributionId, uint256 dataNetId, address contributor, uint256 commitSequence, bytes32 artifactRoot, uint256 recordCount, bytes accepted, bytes32 historyHash',
);

export interface DataNetHead {
  owner: Hex;
  status: DataNetStatus;
  policy: DataNetPolicy;
  createdAt: number;
}

/** An entry of a sequence with the hash of the history up to and with it. */
export interface HistoryEntry extends SequenceEntry {
  index: number;
  historyHash: Hex;
}

export function readDataNetCount(view: StateView): number {
  return readNumber(view, DATANET_ADDRESS, COUNT);
}

export function writeDataNetCount(context: ModuleContext, count: number): void {
  writeUint(context, DATANET_ADDRESS, COUNT, count);
}

const statusOf = new Map<bigint, DataNetStatus>(
  Object.entries(DATANET_STATUS).map(([name, value]) => [BigInt(value), name as DataNetStatus]),
);
const policyOf = new Map<bigint, DataNetPolicy>(
  Object.entries(DATANET_POLICY).map(([name, value]) => [BigInt(value), name as DataNetPolicy]),
);

export function readDataNetHead(view: StateView, id: bigint): DataNetHead | undefined {
  const head = readPacked(view, DATANET_ADDRESS, headSlot(id), HEAD);
  const status = statusOf.get(head.status);
  const policy = policyOf.get(head.policy);
  if (status === undefined || policy === undefined) return undefined;
  return {
    owner: toHex(word(head.owner).subarray(12)),
    status,
    policy,
    createdAt: Number(head.createdAt),
  };
}

export function writeDataNetHead(context: ModuleContext, id: bigint, head: DataNetHead): void {
  writePacked(context, DATANET_ADDRESS, headSlot(id), HEAD, {
    status: BigInt(DATANET_STATUS[head.status]),
    policy: BigInt(DATANET_POLICY[head.policy]),
    createdAt: BigInt(head.createdAt),
    owner: BigInt(head.owner),
  });
}

export function readDataNetText(view: StateView, id: bigint): DataNetText | undefined {
  const payload = readRecord(view, DATANET_RECORDS, textSlot(id));
  return payload && text.decode(payload);
}

export function writeDataNetText(context: ModuleContext, id: bigint, value: DataNetText): void {
  writeRecord(context, DATANET_RECORDS, textSlot(id), text.encode(value));
}

/** Hash of an empty history; differs by DataNet, so that no two histories are interchangeable. */
export function emptyHistory(id: bigint): Hex {
  return keccakHex(concatBytes(utf8Bytes('OL/history/v1'), word(id)));
}

/** The chain of histories: keccak(previous || contribution || contributor || commit || root || records || accepted). */
export function extendHistory(previous: Hex, item: SequenceEntry): Hex {
  return keccakHex(
    concatBytes(
      fromHex(previous),
      fromHex(item.contributionId),
      word(item.contributor),
      word(item.commitSequence),
      fromHex(item.artifactRoot),
      word(item.recordCount),
      item.accepted,
    ),
  );
}

/** What a model pins today. */
export function readSnapshot(view: StateView, id: bigint): SnapshotPin {
  const length = readNumber(view, DATANET_ADDRESS, lengthSlot(id));
  return {
    dataNetId: Number(id),
    length,
    historyHash: length === 0 ? emptyHistory(id) : readHash(view, DATANET_ADDRESS, historySlot(id)),
  };
}

export function readEntry(view: StateView, id: bigint, index: number): HistoryEntry | undefined {
  const payload = readRecord(view, DATANET_RECORDS, entrySlot(id, index));
  if (payload === undefined) return undefined;
  const value = entry.decode(payload);
  return {
    index,
    contributionId: value.contributionId,
    dataNetId: Number(value.dataNetId),
    contributor: value.contributor,
    commitSequence: Number(value.commitSequence),
    artifactRoot: value.artifactRoot,
    recordCount: Number(value.recordCount),
    accepted: value.accepted,
    historyHash: value.historyHash,
  };
}

/** Entries `from` up to, not including, `to`. @throws Fault when one is missing. */
export function readEntries(view: StateView, id: bigint, from: number, to: number): HistoryEntry[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => {
    const item = readEntry(view, id, from + i);
    if (item === undefined) throw new Fault(`entry ${from + i} of DataNet ${id} is missing`);
    return item;
  });
}

/** Records and bytes of all contributions in the sequence, refused records included. */
export function readVolume(view: StateView, id: bigint): { records: number; bytes: number } {
  const { records, bytes } = readPacked(view, DATANET_ADDRESS, volumeSlot(id), VOLUME);
  return { records: Number(records), bytes: Number(bytes) };
}

/** Appends `item`, whose artifact has `bytes` bytes; the sequence is never shortened and no entry ever changes. */
export function appendEntry(
  context: ModuleContext,
  item: SequenceEntry,
  bytes: number,
): { index: number; historyHash: Hex } {
  const id = BigInt(item.dataNetId);
  const { length: index, historyHash: previous } = readSnapshot(context, id);
  const historyHash = extendHistory(previous, item);
  writeRecord(
    context,
    DATANET_RECORDS,
    entrySlot(id, index),
    entry.encode({
      contributionId: item.contributionId,
      dataNetId: id,
      contributor: item.contributor,
      commitSequence: BigInt(item.commitSequence),
      artifactRoot: item.artifactRoot,
      recordCount: BigInt(item.recordCount),
      accepted: item.accepted,
      historyHash,
    }),
  );
  const volume = readVolume(context, id);
  writePacked(context, DATANET_ADDRESS, volumeSlot(id), VOLUME, {
    records: BigInt(volume.records + item.recordCount),
    bytes: BigInt(volume.bytes + bytes),
  });
  writeUint(context, DATANET_ADDRESS, lengthSlot(id), index + 1);
  writeHash(context, DATANET_ADDRESS, historySlot(id), historyHash);
  return { index, historyHash };
}

/** The whole DataNet, for people. */
export function readDataNet(view: StateView, id: bigint): DataNet | undefined {
  const head = readDataNetHead(view, id);
  if (head === undefined) return undefined;
  const words = readDataNetText(view, id);
  if (words === undefined) throw new Fault(`text of DataNet ${id} is missing`);
  const { length, historyHash } = readSnapshot(view, id);
  return { id: Number(id), ...head, length, historyHash, ...words };
}
