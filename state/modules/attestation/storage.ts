/**
 * Layout. Account 0x4f4c…54: `attestation.count`, `attestation.swept`; per sequence `attestation.at`; `attestation.live`
 * (how many are open or attested) and per place `attestation.live.at`; per subject `attestation.state` (status u8,
 * reason u8, place u16, settledAt u48, voted u64, best u64), `attestation.root`; per subject and root
 * `attestation.tally`; per subject and validator `attestation.by` (its root), `attestation.punished`. Record account
 * 0x4f4c…0154: per subject `attestation.opening`; per hash of its members `attestation.members`.
 */
import type { Validator, ValidatorSet } from '../../../consensus/types.ts';
import {
  createValidatorSet,
  decodeValidatorSet,
  encodeValidatorSet,
} from '../../../consensus/validator-set/set.ts';
import { Fault, type Hex, type StateView } from '../../types.ts';
import { concatBytes, defineStruct, fromHex, utf8Bytes } from '../abi.ts';
import { moduleAddress, recordAddress, TYPE } from '../addresses.ts';
import type { ModuleContext } from '../context.ts';
import { keccakHex } from '../hash.ts';
import {
  clearSlot,
  readHash,
  readNumber,
  readPacked,
  readRecord,
  readUint,
  slotOf,
  word,
  writeHash,
  writePacked,
  writeRecord,
  writeUint,
  ZERO_HASH,
} from '../storage.ts';
import {
  FREEZE_REASON,
  type FreezeReason,
  type Opening,
  SUBJECT_KIND,
  SUBJECT_STATUS,
  type SubjectKind,
  type SubjectStatus,
} from './types.ts';

export const ATTESTATION_ADDRESS = moduleAddress(TYPE.attestation);
const RECORDS = recordAddress(TYPE.attestation);

const COUNT = slotOf('attestation.count');
const SWEPT = slotOf('attestation.swept');
const LIVE = slotOf('attestation.live');
const atSlot = (sequence: number) => slotOf('attestation.at', sequence);
const liveSlot = (place: number) => slotOf('attestation.live.at', place);
const stateSlot = (key: Hex) => slotOf('attestation.state', key);
const rootSlot = (key: Hex) => slotOf('attestation.root', key);
const tallySlot = (key: Hex, root: Hex) => slotOf('attestation.tally', key, root);
const bySlot = (key: Hex, validator: Hex) => slotOf('attestation.by', key, validator);
const punishedSlot = (key: Hex, validator: Hex) => slotOf('attestation.punished', key, validator);
const openingSlot = (key: Hex) => slotOf('attestation.opening', key);
const membersSlot = (members: Hex) => slotOf('attestation.members', members);

const STATE = [
  ['status', 1],
  ['reason', 1],
  ['place', 2],
  ['settledAt', 6],
  ['voted', 8],
  ['best', 8],
] as const;

const opening = defineStruct(
  'uint8 kind, bytes32 id, uint256 sequence, uint256 openedAt, bytes32 members, uint256 totalPower',
);

const DOMAIN = utf8Bytes('OL/attestation/subject/v1');

/** keccak(domain ‖ word(kind) ‖ id ‖ word(openedAt) ‖ word(sequence)): no two subjects of a chain share one. */
export function subjectKeyOf(kind: SubjectKind, id: Hex, openedAt: number, sequence: number): Hex {
  return keccakHex(
    concatBytes(DOMAIN, word(SUBJECT_KIND[kind]), fromHex(id), word(openedAt), word(sequence)),
  );
}

const nameOf = <N extends string>(table: Readonly<Record<N, number>>): ReadonlyMap<bigint, N> =>
  new Map(Object.entries<number>(table).map(([name, value]) => [BigInt(value), name as N]));
const kindNames = nameOf<SubjectKind>(SUBJECT_KIND);
const statusNames = nameOf<SubjectStatus>(SUBJECT_STATUS);
const reasonNames = nameOf<FreezeReason>(FREEZE_REASON);

/** What changes about a subject. */
export interface SubjectState {
  status: SubjectStatus;
  reason: FreezeReason;
  /** Its place in the list of those that are open or attested. */
  place: number;
  settledAt: number;
  voted: bigint;
  best: bigint;
}

export function readSubjectState(view: StateView, key: Hex): SubjectState | undefined {
  const packed = readPacked(view, ATTESTATION_ADDRESS, stateSlot(key), STATE);
  const status = statusNames.get(packed.status);
  if (status === undefined) return undefined;
  return {
    status,
    reason: reasonNames.get(packed.reason) ?? 'none',
    place: Number(packed.place),
    settledAt: Number(packed.settledAt),
    voted: packed.voted,
    best: packed.best,
  };
}

export function writeSubjectState(context: ModuleContext, key: Hex, state: SubjectState): void {
  writePacked(context, ATTESTATION_ADDRESS, stateSlot(key), STATE, {
    status: BigInt(SUBJECT_STATUS[state.status]),
    reason: BigInt(FREEZE_REASON[state.reason]),
    place: BigInt(state.place),
    settledAt: BigInt(state.settledAt),
    voted: state.voted,
    best: state.best,
  });
}

/** @throws Fault when it is missing: only for keys that have a state. */
export function readOpening(view: StateView, key: Hex): Opening {
  const payload = readRecord(view, RECORDS, openingSlot(key));
  if (payload === undefined) throw new Fault(`opening of subject ${key} is missing`);
  const value = opening.decode(payload);
  const kind = kindNames.get(value.kind);
  if (kind === undefined) throw new Fault(`subject ${key} has kind ${value.kind}`);
  return { ...value, kind, sequence: Number(value.sequence), openedAt: Number(value.openedAt) };
}

export function readSubjectCount(view: StateView): number {
  return readNumber(view, ATTESTATION_ADDRESS, COUNT);
}

/** Undefined beyond the count. */
export function readSubjectAt(view: StateView, sequence: number): Hex | undefined {
  if (sequence < 1 || sequence > readSubjectCount(view)) return undefined;
  return readHash(view, ATTESTATION_ADDRESS, atSlot(sequence));
}

/** Last subject that the sweep of old ones is done with. */
export function readSweptSubjects(view: StateView): number {
  return readNumber(view, ATTESTATION_ADDRESS, SWEPT);
}

export function writeSweptSubjects(context: ModuleContext, sequence: number): void {
  writeUint(context, ATTESTATION_ADDRESS, SWEPT, sequence);
}

/** How many are open or attested. */
export function readLiveCount(view: StateView): number {
  return readNumber(view, ATTESTATION_ADDRESS, LIVE);
}

/** Keys of those that are open or attested, in no order. */
export function readLive(view: StateView): Hex[] {
  return Array.from({ length: readLiveCount(view) }, (_, place) =>
    readHash(view, ATTESTATION_ADDRESS, liveSlot(place)),
  );
}

/** Writes a new subject, open, with the next number of the chain. */
export function appendSubject(
  context: ModuleContext,
  subject: { kind: SubjectKind; id: Hex; openedAt: number; set: ValidatorSet },
): { key: Hex; sequence: number } {
  const { kind, id, openedAt, set } = subject;
  const sequence = readSubjectCount(context) + 1;
  const place = readLiveCount(context);
  const key = subjectKeyOf(kind, id, openedAt, sequence);
  const members = writeMembers(context, set);
  const { totalPower } = set;
  writeUint(context, ATTESTATION_ADDRESS, COUNT, sequence);
  writeHash(context, ATTESTATION_ADDRESS, atSlot(sequence), key);
  writeUint(context, ATTESTATION_ADDRESS, LIVE, place + 1);
  writeHash(context, ATTESTATION_ADDRESS, liveSlot(place), key);
  writeSubjectState(context, key, {
    status: 'open',
    reason: 'none',
    place,
    settledAt: 0,
    voted: 0n,
    best: 0n,
  });
  writeRecord(
    context,
    RECORDS,
    openingSlot(key),
    opening.encode({
      kind: BigInt(SUBJECT_KIND[kind]),
      id,
      sequence: BigInt(sequence),
      openedAt: BigInt(openedAt),
      members,
      totalPower,
    }),
  );
  return { key, sequence };
}

/** Takes a subject off the list of the open ones; the last of the list takes its place. */
export function retireSubject(context: ModuleContext, key: Hex, state: SubjectState): void {
  const last = readLiveCount(context) - 1;
  if (state.place < last) {
    const moved = readHash(context, ATTESTATION_ADDRESS, liveSlot(last));
    const other = readSubjectState(context, moved);
    if (other === undefined) throw new Fault(`subject ${moved} is missing`);
    writeHash(context, ATTESTATION_ADDRESS, liveSlot(state.place), moved);
    writeSubjectState(context, moved, { ...other, place: state.place });
  }
  clearSlot(context, ATTESTATION_ADDRESS, liveSlot(last));
  writeUint(context, ATTESTATION_ADDRESS, LIVE, last);
  writeSubjectState(context, key, { ...state, place: 0 });
}

/** Undefined while no root has more than two thirds. */
export function readAttestedRoot(view: StateView, key: Hex): Hex | undefined {
  return orNone(readHash(view, ATTESTATION_ADDRESS, rootSlot(key)));
}

export function writeAttestedRoot(context: ModuleContext, key: Hex, root: Hex): void {
  writeHash(context, ATTESTATION_ADDRESS, rootSlot(key), root);
}

/** Power that has attested this root. */
export function readTally(view: StateView, key: Hex, root: Hex): bigint {
  return readUint(view, ATTESTATION_ADDRESS, tallySlot(key, root));
}

export function writeTally(context: ModuleContext, key: Hex, root: Hex, power: bigint): void {
  writeUint(context, ATTESTATION_ADDRESS, tallySlot(key, root), power);
}

/** What the validator attested first; undefined: nothing. */
export function readAttestation(view: StateView, key: Hex, validator: Hex): Hex | undefined {
  return orNone(readHash(view, ATTESTATION_ADDRESS, bySlot(key, validator)));
}

export function writeAttestation(context: ModuleContext, key: Hex, validator: Hex, root: Hex): void {
  writeHash(context, ATTESTATION_ADDRESS, bySlot(key, validator), root);
}

/** Whether it was punished for a second root already. */
export function isPunished(view: StateView, key: Hex, validator: Hex): boolean {
  return readUint(view, ATTESTATION_ADDRESS, punishedSlot(key, validator)) !== 0n;
}

export function writePunished(context: ModuleContext, key: Hex, validator: Hex): void {
  writeUint(context, ATTESTATION_ADDRESS, punishedSlot(key, validator), 1n);
}

/** Members and powers of a set; stored once for all subjects that share them, so without what changes every block. */
function writeMembers(context: ModuleContext, set: ValidatorSet): Hex {
  const still = set.validators.map((validator): Validator => ({ ...validator, priority: 0n }));
  const encoded = encodeValidatorSet(createValidatorSet(still));
  const members = keccakHex(encoded);
  if (readRecord(context, RECORDS, membersSlot(members)) === undefined)
    writeRecord(context, RECORDS, membersSlot(members), encoded);
  return members;
}

/** @throws Fault when they are missing */
export function readMembers(view: StateView, members: Hex): ValidatorSet {
  const encoded = readRecord(view, RECORDS, membersSlot(members));
  if (encoded === undefined) throw new Fault(`members ${members} of a subject are missing`);
  return decodeValidatorSet(encoded);
}

function orNone(hash: Hex): Hex | undefined {
  return hash === ZERO_HASH ? undefined : hash;
}
