/**
 * Layout. Account 0x4f4c…51: `contribution.count`, `contribution.swept`; per commit sequence `contribution.at`; per id
 * `contribution.state` (status u8, flags u32, acceptedCount u32, sequenceIndex u64); per DataNet
 * `contribution.of.count` and with an index `contribution.of`; `contribution.queue.first`, `contribution.queue.end` and with
 * a number `contribution.queue` (approved, not yet attested); per id `contribution.subject` (its newest). Record account
 * 0x4f4c…0151: per id `contribution.commit`, `contribution.reveal`, `contribution.approval`.
 */
import { Fault, type Hex, type StateView } from '../../types.ts';
import { defineStruct } from '../abi.ts';
import { moduleAddress, recordAddress, TYPE } from '../addresses.ts';
import type { ModuleContext } from '../context.ts';
import {
  clearSlot,
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
import { type ApprovalObject, approvalSlot, decodeApproval } from './approval.ts';
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
const queueFirstSlot = (dataNetId: bigint) => slotOf('contribution.queue.first', dataNetId);
const queueEndSlot = (dataNetId: bigint) => slotOf('contribution.queue.end', dataNetId);
const queueSlot = (dataNetId: bigint, number: number) => slotOf('contribution.queue', dataNetId, number);
const subjectSlot = (id: Hex) => slotOf('contribution.subject', id);
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

// --- approvals --------------------------------------------------------------------------------------------------

/** Approved contributions whose objects are not in the state yet, in the order of approval; at most `maxOpen`. */
export function readQueue(view: StateView, dataNetId: bigint): Hex[] {
  const queue: Hex[] = [];
  const end = readNumber(view, CONTRIBUTION_ADDRESS, queueEndSlot(dataNetId));
  let number = readNumber(view, CONTRIBUTION_ADDRESS, queueFirstSlot(dataNetId));
  for (; number < end; number++) {
    const id = readHash(view, CONTRIBUTION_ADDRESS, queueSlot(dataNetId, number));
    if (id !== ZERO_HASH) queue.push(id);
  }
  return queue;
}

export function pushToQueue(context: ModuleContext, dataNetId: bigint, id: Hex): void {
  const end = readNumber(context, CONTRIBUTION_ADDRESS, queueEndSlot(dataNetId));
  writeHash(context, CONTRIBUTION_ADDRESS, queueSlot(dataNetId, end), id);
  writeUint(context, CONTRIBUTION_ADDRESS, queueEndSlot(dataNetId), end + 1);
}

/** Leaves a gap where it stood, or moves the beginning behind it and the gaps that follow. */
export function dropFromQueue(context: ModuleContext, dataNetId: bigint, id: Hex): void {
  const end = readNumber(context, CONTRIBUTION_ADDRESS, queueEndSlot(dataNetId));
  let first = readNumber(context, CONTRIBUTION_ADDRESS, queueFirstSlot(dataNetId));
  const at = (number: number) => readHash(context, CONTRIBUTION_ADDRESS, queueSlot(dataNetId, number));
  for (let number = first; number < end; number++)
    if (at(number) === id) clearSlot(context, CONTRIBUTION_ADDRESS, queueSlot(dataNetId, number));
  while (first < end && at(first) === ZERO_HASH) first++;
  writeUint(context, CONTRIBUTION_ADDRESS, queueFirstSlot(dataNetId), first);
}

/** The subject of the newest approval; undefined before the first. */
export function readSubjectOf(view: StateView, id: Hex): Hex | undefined {
  const subject = readHash(view, CONTRIBUTION_ADDRESS, subjectSlot(id));
  return subject === ZERO_HASH ? undefined : subject;
}

export function writeSubjectOf(context: ModuleContext, id: Hex, subject: Hex): void {
  writeHash(context, CONTRIBUTION_ADDRESS, subjectSlot(id), subject);
}

/** What validators attested about it; undefined before. */
export function readApproval(view: StateView, id: Hex): ApprovalObject | undefined {
  const payload = readRecord(view, CONTRIBUTION_RECORDS, approvalSlot(id));
  return payload && decodeApproval(payload);
}

/** `body`: as it was attested, its slot first. */
export function writeApproval(context: ModuleContext, id: Hex, body: Uint8Array): void {
  writeRecord(context, CONTRIBUTION_RECORDS, approvalSlot(id), body.subarray(32));
}

/** The whole contribution, for people. */
export function readContribution(view: StateView, id: Hex): Contribution | undefined {
  const state = readContributionState(view, id);
  if (state === undefined) return undefined;
  const record = readCommit(view, id);
  const { status, flags, acceptedCount, sequenceIndex } = state;
  const object = status === 'approved' ? readApproval(view, id) : undefined;
  return {
    id,
    ...record,
    dataNetId: Number(record.dataNetId),
    status,
    flags,
    revealed: readReveal(view, id),
    subject: readSubjectOf(view, id),
    approval: object && {
      sequenceIndex,
      acceptedCount,
      accepted: object.accepted,
      founders: object.founders,
      tokens: object.tokens,
      novelRecords: object.novelRecords,
      novelBytes: object.novelBytes,
      novelTokens: object.novelTokens,
      unquotedTokens: object.unquotedTokens,
    },
  };
}
