/**
 * Layout. Account 0x4f4c…51: `contribution.count`, `contribution.swept`; per commit sequence `contribution.at`; per id
 * `contribution.state` (status u8, flags u32, acceptedCount u32, sequenceIndex u64); per DataNet
 * `contribution.of.count` and with an index `contribution.of`; per DataNet and record hash `contribution.record` (order
 * key + 1 of its first accepted copy). Record account 0x4f4c…0151: per id `contribution.commit`, `contribution.reveal`.
 */
import { packOrderKey } from '../../../attribution/api.ts';
import { Fault, type Hex, type StateView } from '../../types.ts';
import { defineStruct, toHex } from '../abi.ts';
import { moduleAddress, recordAddress, TYPE } from '../addresses.ts';
import type { ModuleContext } from '../context.ts';
import { readEntry } from '../datanet/storage.ts';
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
} from '../storage.ts';
import {
  CONTRIBUTION_STATUS,
  type Contribution,
  type ContributionStatus,
  type RevealedContribution,
} from './types.ts';

export const CONTRIBUTION_ADDRESS = moduleAddress(TYPE.contribution);
export const CONTRIBUTION_RECORDS = recordAddress(TYPE.contribution);

const COUNT = slotOf('contribution.count');
const SWEPT = slotOf('contribution.swept');
const atSlot = (sequence: number) => slotOf('contribution.at', sequence);
const stateSlot = (id: Hex) => slotOf('contribution.state', id);
const ofCountSlot = (dataNetId: bigint) => slotOf('contribution.of.count', dataNetId);
const ofSlot = (dataNetId: bigint, index: number) => slotOf('contribution.of', dataNetId, index);
const recordSlot = (dataNetId: bigint, leafHash: Uint8Array) =>
  slotOf('contribution.record', dataNetId, toHex(leafHash));
const commitSlot = (id: Hex) => slotOf('contribution.commit', id);
const revealSlot = (id: Hex) => slotOf('contribution.reveal', id);

const STATE = [
  ['status', 1],
  ['flags', 4],
  ['acceptedCount', 4],
  ['sequenceIndex', 8],
] as const;

const commit = defineStruct(
  'uint256 dataNetId, address contributor, bytes32 commitment, uint256 commitSequence, uint256 commitBlock, uint256 revealBy, uint256 deposit',
);
const reveal = defineStruct(
  'bytes32 artifactRoot, uint256 size, uint256 recordCount, string licence, string metadata',
);

export interface ContributionState {
  status: ContributionStatus;
  flags: number;
  acceptedCount: number;
  sequenceIndex: number;
}

export interface CommitRecord {
  dataNetId: bigint;
  contributor: Hex;
  commitment: Hex;
  commitSequence: number;
  commitBlock: number;
  revealBy: number;
  deposit: bigint;
}

const statusOf = new Map<bigint, ContributionStatus>(
  Object.entries(CONTRIBUTION_STATUS).map(([name, value]) => [BigInt(value), name as ContributionStatus]),
);

export function readContributionCount(view: StateView): number {
  return readNumber(view, CONTRIBUTION_ADDRESS, COUNT);
}

/** Id of the commit with this sequence number; undefined beyond the count. */
export function readContributionAt(view: StateView, sequence: number): Hex | undefined {
  if (sequence < 1 || sequence > readContributionCount(view)) return undefined;
  return readHash(view, CONTRIBUTION_ADDRESS, atSlot(sequence));
}

/** Last commit sequence that the sweep is done with. */
export function readSwept(view: StateView): number {
  return readNumber(view, CONTRIBUTION_ADDRESS, SWEPT);
}

export function writeSwept(context: ModuleContext, sequence: number): void {
  writeUint(context, CONTRIBUTION_ADDRESS, SWEPT, sequence);
}

export function readContributionState(view: StateView, id: Hex): ContributionState | undefined {
  const packed = readPacked(view, CONTRIBUTION_ADDRESS, stateSlot(id), STATE);
  const status = statusOf.get(packed.status);
  if (status === undefined) return undefined;
  return {
    status,
    flags: Number(packed.flags),
    acceptedCount: Number(packed.acceptedCount),
    sequenceIndex: Number(packed.sequenceIndex),
  };
}

export function writeContributionState(context: ModuleContext, id: Hex, state: ContributionState): void {
  writePacked(context, CONTRIBUTION_ADDRESS, stateSlot(id), STATE, {
    status: BigInt(CONTRIBUTION_STATUS[state.status]),
    flags: BigInt(state.flags),
    acceptedCount: BigInt(state.acceptedCount),
    sequenceIndex: BigInt(state.sequenceIndex),
  });
}

export function readCommit(view: StateView, id: Hex): CommitRecord {
  const payload = readRecord(view, CONTRIBUTION_RECORDS, commitSlot(id));
  if (payload === undefined) throw new Fault(`commit of contribution ${id} is missing`);
  const value = commit.decode(payload);
  return {
    ...value,
    commitSequence: Number(value.commitSequence),
    commitBlock: Number(value.commitBlock),
    revealBy: Number(value.revealBy),
  };
}

/** Takes the next place in the chain-wide order and stores the commit under it. */
export function appendCommit(
  context: ModuleContext,
  id: Hex,
  record: Omit<CommitRecord, 'commitSequence'>,
): number {
  const commitSequence = readContributionCount(context) + 1;
  const { dataNetId } = record;
  const index = readNumber(context, CONTRIBUTION_ADDRESS, ofCountSlot(dataNetId));
  writeUint(context, CONTRIBUTION_ADDRESS, COUNT, commitSequence);
  writeHash(context, CONTRIBUTION_ADDRESS, atSlot(commitSequence), id);
  writeUint(context, CONTRIBUTION_ADDRESS, ofCountSlot(dataNetId), index + 1);
  writeHash(context, CONTRIBUTION_ADDRESS, ofSlot(dataNetId, index), id);
  writeContributionState(context, id, { status: 'committed', flags: 0, acceptedCount: 0, sequenceIndex: 0 });
  writeRecord(
    context,
    CONTRIBUTION_RECORDS,
    commitSlot(id),
    commit.encode({
      ...record,
      commitSequence: BigInt(commitSequence),
      commitBlock: BigInt(record.commitBlock),
      revealBy: BigInt(record.revealBy),
    }),
  );
  return commitSequence;
}

export function readReveal(view: StateView, id: Hex): RevealedContribution | undefined {
  const payload = readRecord(view, CONTRIBUTION_RECORDS, revealSlot(id));
  if (payload === undefined) return undefined;
  const value = reveal.decode(payload);
  return { ...value, size: Number(value.size), recordCount: Number(value.recordCount) };
}

export function writeReveal(context: ModuleContext, id: Hex, value: RevealedContribution): void {
  writeRecord(
    context,
    CONTRIBUTION_RECORDS,
    revealSlot(id),
    reveal.encode({ ...value, size: BigInt(value.size), recordCount: BigInt(value.recordCount) }),
  );
}

export function readContributionsOf(view: StateView, dataNetId: bigint): number {
  return readNumber(view, CONTRIBUTION_ADDRESS, ofCountSlot(dataNetId));
}

export function readContributionOf(view: StateView, dataNetId: bigint, index: number): Hex {
  return readHash(view, CONTRIBUTION_ADDRESS, ofSlot(dataNetId, index));
}

/**
 * Marks which records are new to the DataNet (B4): a record is refused if the same bytes stand there under a lower
 * order key, be it from an earlier commit or from earlier in this contribution. Remembers the lowest key of each.
 */
export function acceptNewRecords(
  context: ModuleContext,
  dataNetId: bigint,
  commitSequence: number,
  leafHashes: readonly Uint8Array[],
): { accepted: Uint8Array; acceptedCount: number } {
  const accepted = new Uint8Array(Math.ceil(leafHashes.length / 8));
  let acceptedCount = 0;
  leafHashes.forEach((leafHash, index) => {
    const slot = recordSlot(dataNetId, leafHash);
    // One more than the key, so that zero stays "none".
    const mark = packOrderKey(commitSequence, index) + 1;
    const first = readNumber(context, CONTRIBUTION_ADDRESS, slot);
    if (first !== 0 && first < mark) return;
    writeUint(context, CONTRIBUTION_ADDRESS, slot, mark);
    accepted[index >> 3]! |= 1 << (index & 7);
    acceptedCount++;
  });
  return { accepted, acceptedCount };
}

/** The whole contribution, for people. */
export function readContribution(view: StateView, id: Hex): Contribution | undefined {
  const state = readContributionState(view, id);
  if (state === undefined) return undefined;
  const record = readCommit(view, id);
  const { status, flags, acceptedCount, sequenceIndex } = state;
  const entry = status === 'approved' ? readEntry(view, record.dataNetId, sequenceIndex) : undefined;
  return {
    id,
    ...record,
    dataNetId: Number(record.dataNetId),
    status,
    flags,
    revealed: readReveal(view, id),
    approval: entry && { sequenceIndex, acceptedCount, accepted: entry.accepted },
  };
}
