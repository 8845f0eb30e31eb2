/**
 * Layout. Account 0x4f4c…55 holds the bonds: `staking.count`, per index `staking.at`; per operator `staking.bond` (amount
 * u128, jailed u8, jailedUntil u64), `staking.unbondings` (first u32, count u32) and their ring `staking.unbonding` (amount
 * u128, releasedAt u64), `staking.missed` (window u64, blocks u32); per key `staking.key` (used for ever, A9);
 * `staking.changed` while the members of the next set differ; `staking.height` of the newest set; `staking.ring.head` and
 * the ring `staking.ring` of certificate hashes.
 * Record account 0x4f4c…0155: per operator `staking.validator`; `staking.set` of height modulo 4.
 */
import { bytesToHex } from '../../../consensus/bytes.ts';
import type { Validator, ValidatorSet } from '../../../consensus/types.ts';
import { decodeValidatorSet, encodeValidatorSet } from '../../../consensus/validator-set/set.ts';
import { Fault, type Hex, type StateView, type ValidatorRecord } from '../../types.ts';
import { concatBytes, defineStruct, fromHex, toHex, toUint } from '../abi.ts';
import { moduleAddress, recordAddress, TYPE } from '../addresses.ts';
import type { ModuleContext } from '../context.ts';
import { keccakHex } from '../hash.ts';
import { CERTIFICATE_RING, MAX_UNBONDINGS, VALIDATOR_SET_RING } from '../limits.ts';
import {
  clearSlot,
  readAddress,
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
} from '../storage.ts';
import type { StakingValidator, Unbonding } from './types.ts';

export const STAKING_ADDRESS = moduleAddress(TYPE.staking);
export const STAKING_RECORDS = recordAddress(TYPE.staking);

const COUNT = slotOf('staking.count');
const CHANGED = slotOf('staking.changed');
const HEIGHT = slotOf('staking.height');
const RING_HEAD = slotOf('staking.ring.head');
const atSlot = (index: number) => slotOf('staking.at', index);
const bondSlot = (operator: Hex) => slotOf('staking.bond', operator);
const keySlot = (blsPublicKey: Hex) => slotOf('staking.key', keccakHex(fromHex(blsPublicKey)));
const ringSlot = (number: number) => slotOf('staking.ring', number % CERTIFICATE_RING);
const unbondingsSlot = (operator: Hex) => slotOf('staking.unbondings', operator);
const unbondingSlot = (operator: Hex, index: number) =>
  slotOf('staking.unbonding', operator, index % MAX_UNBONDINGS);
const missedSlot = (operator: Hex) => slotOf('staking.missed', operator);
const validatorSlot = (operator: Hex) => slotOf('staking.validator', operator);
const setSlot = (height: number) => slotOf('staking.set', height % VALIDATOR_SET_RING);

const BOND = [
  ['amount', 16],
  ['jailed', 1],
  ['jailedUntil', 8],
] as const;
const UNBONDINGS = [
  ['first', 4],
  ['count', 4],
] as const;
const UNBONDING = [
  ['amount', 16],
  ['releasedAt', 8],
] as const;
const MISSED = [
  ['window', 8],
  ['blocks', 4],
] as const;
const record = defineStruct('bytes blsPublicKey, address recipient');

// --- validators -------------------------------------------------------------------------------------------------

export function readValidatorCount(view: StateView): number {
  return readNumber(view, STAKING_ADDRESS, COUNT);
}

/** Undefined when `operator` never registered. `powerUnit`: wei of one unit of power. */
export function readValidator(
  view: StateView,
  operator: Hex,
  powerUnit: bigint,
): StakingValidator | undefined {
  const payload = readRecord(view, STAKING_RECORDS, validatorSlot(operator));
  if (payload === undefined) return undefined;
  const { blsPublicKey, recipient } = record.decode(payload);
  const { amount: bond, jailed, jailedUntil } = readPacked(view, STAKING_ADDRESS, bondSlot(operator), BOND);
  const isJailed = jailed === 1n;
  return {
    operator,
    blsPublicKey: toHex(blsPublicKey),
    bond,
    power: isJailed ? 0n : bond / powerUnit,
    recipient,
    jailed: isJailed,
    jailedUntil: Number(jailedUntil),
  };
}

/** All that are listed, in no order that means anything. Who has taken the whole bond out is not. */
export function readValidators(view: StateView, powerUnit: bigint): StakingValidator[] {
  return Array.from({ length: readValidatorCount(view) }, (_, index) => {
    const operator = readAddress(view, STAKING_ADDRESS, atSlot(index));
    const found = operator && readValidator(view, operator, powerUnit);
    if (found === undefined) throw new Fault(`validator ${index} is missing`);
    return found;
  });
}

export function isKeyUsed(view: StateView, blsPublicKey: Hex): boolean {
  return readUint(view, STAKING_ADDRESS, keySlot(blsPublicKey)) !== 0n;
}

/** Registers an operator for ever, with its key; it is not listed yet. */
export function writeValidator(
  context: ModuleContext,
  value: Pick<StakingValidator, 'operator' | 'blsPublicKey' | 'recipient'>,
): void {
  writeUint(context, STAKING_ADDRESS, keySlot(value.blsPublicKey), 1n);
  writeRecord(
    context,
    STAKING_RECORDS,
    validatorSlot(value.operator),
    record.encode({ blsPublicKey: fromHex(value.blsPublicKey), recipient: value.recipient }),
  );
}

export function listValidator(context: ModuleContext, operator: Hex): void {
  const index = readValidatorCount(context);
  writeUint(context, STAKING_ADDRESS, COUNT, index + 1);
  writeHash(context, STAKING_ADDRESS, atSlot(index), operator);
}

/** Takes an operator off the list; the last one takes its place. */
export function unlistValidator(context: ModuleContext, operator: Hex): void {
  const last = readValidatorCount(context) - 1;
  for (let index = 0; index <= last; index++) {
    if (readAddress(context, STAKING_ADDRESS, atSlot(index)) !== operator) continue;
    if (index < last)
      writeHash(context, STAKING_ADDRESS, atSlot(index), readHashAddress(context, atSlot(last)));
    clearSlot(context, STAKING_ADDRESS, atSlot(last));
    writeUint(context, STAKING_ADDRESS, COUNT, last);
    return;
  }
}

function readHashAddress(view: StateView, slot: Uint8Array): Hex {
  const operator = readAddress(view, STAKING_ADDRESS, slot);
  if (operator === undefined) throw new Fault('a listed validator is missing');
  return operator;
}

/** Every change of bond or jail changes the members of the next set. */
export function writeBond(
  context: ModuleContext,
  operator: Hex,
  { bond, jailed, jailedUntil }: Pick<StakingValidator, 'bond' | 'jailed' | 'jailedUntil'>,
): void {
  writePacked(context, STAKING_ADDRESS, bondSlot(operator), BOND, {
    amount: bond,
    jailed: jailed ? 1n : 0n,
    jailedUntil: BigInt(jailedUntil),
  });
  writeUint(context, STAKING_ADDRESS, CHANGED, 1n);
}

// --- what was taken out and is not released yet -------------------------------------------------------------------

/** Oldest first; at most MAX_UNBONDINGS. */
export function readUnbondings(view: StateView, operator: Hex): Unbonding[] {
  const { first, count } = readPacked(view, STAKING_ADDRESS, unbondingsSlot(operator), UNBONDINGS);
  return Array.from({ length: Number(count) }, (_, i) => {
    const slot = unbondingSlot(operator, Number(first) + i);
    const { amount, releasedAt } = readPacked(view, STAKING_ADDRESS, slot, UNBONDING);
    return { amount, releasedAt: Number(releasedAt) };
  });
}

/** Writes the whole list: `dropped` of the oldest are gone, what follows is `entries`. */
export function writeUnbondings(
  context: ModuleContext,
  operator: Hex,
  dropped: number,
  entries: readonly Unbonding[],
): void {
  const slot = unbondingsSlot(operator);
  const before = readPacked(context, STAKING_ADDRESS, slot, UNBONDINGS);
  const first = Number(before.first) + dropped;
  for (let i = 0; i < dropped; i++)
    clearSlot(context, STAKING_ADDRESS, unbondingSlot(operator, Number(before.first) + i));
  for (const [i, { amount, releasedAt }] of entries.entries())
    writePacked(context, STAKING_ADDRESS, unbondingSlot(operator, first + i), UNBONDING, {
      amount,
      releasedAt: BigInt(releasedAt),
    });
  writePacked(context, STAKING_ADDRESS, slot, UNBONDINGS, {
    first: BigInt(first % MAX_UNBONDINGS),
    count: BigInt(entries.length),
  });
}

// --- absence ------------------------------------------------------------------------------------------------------

/** Blocks of this window whose certificate lacks the signature of `operator`. */
export function readMissed(view: StateView, operator: Hex, window: number): number {
  const missed = readPacked(view, STAKING_ADDRESS, missedSlot(operator), MISSED);
  return missed.window === BigInt(window) ? Number(missed.blocks) : 0;
}

export function writeMissed(context: ModuleContext, operator: Hex, window: number, blocks: number): void {
  writePacked(context, STAKING_ADDRESS, missedSlot(operator), MISSED, {
    window: BigInt(window),
    blocks: BigInt(blocks),
  });
}

/** Whether members changed since the last set was made; clears the mark. */
export function takeChanged(context: ModuleContext): boolean {
  if (readUint(context, STAKING_ADDRESS, CHANGED) === 0n) return false;
  writeUint(context, STAKING_ADDRESS, CHANGED, 0n);
  return true;
}

// --- sets -------------------------------------------------------------------------------------------------------

/** Height of the newest set: two above the block whose state this is (A6). */
export function readSetHeight(view: StateView): number {
  return readNumber(view, STAKING_ADDRESS, HEIGHT);
}

/** set(height); undefined when it is not among the four that state keeps. */
export function readSet(view: StateView, height: number): ValidatorSet | undefined {
  const payload = readRecord(view, STAKING_RECORDS, setSlot(height));
  if (payload === undefined || toUint(payload.subarray(0, 32)) !== BigInt(height)) return undefined;
  return decodeValidatorSet(payload.subarray(32));
}

export function writeSet(context: ModuleContext, height: number, set: ValidatorSet): void {
  writeRecord(context, STAKING_RECORDS, setSlot(height), concatBytes(word(height), encodeValidatorSet(set)));
  writeUint(context, STAKING_ADDRESS, HEIGHT, height);
}

/** A member as the floors above state know it. */
export function toValidatorRecord(validator: Validator): ValidatorRecord {
  return { ...validator, blsPublicKey: bytesToHex(validator.blsPublicKey) };
}

// --- certificates -----------------------------------------------------------------------------------------------

/** Height of the newest certificate in the ring; 0 when there is none. */
export function readRingHead(view: StateView): number {
  return readNumber(view, STAKING_ADDRESS, RING_HEAD);
}

/** Hash of the certificate of block `number` as block `number` + 1 carried it (A4); undefined outside the ring. */
export function readCertificateHash(view: StateView, number: number): Hex | undefined {
  const head = readRingHead(view);
  if (!Number.isSafeInteger(number) || number < 1 || number > head || number + CERTIFICATE_RING <= head)
    return undefined;
  return readHash(view, STAKING_ADDRESS, ringSlot(number));
}

export function writeCertificateHash(context: ModuleContext, number: number, hash: Hex): void {
  writeHash(context, STAKING_ADDRESS, ringSlot(number), hash);
  writeUint(context, STAKING_ADDRESS, RING_HEAD, number);
}
