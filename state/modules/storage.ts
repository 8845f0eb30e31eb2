/**
 * How modules lay out state. Small values stand in slots of the module's account. A record (a struct) is a body: the
 * slot of the module's record account holds its keccak, and the body begins with that slot's key, so that equal
 * records in two places are two bodies and a body proves where it belongs.
 */
import { Fault, type Hex, type StateView } from '../types.ts';
import { concatBytes, fromHex, toHex, toUint, uint256Bytes, utf8Bytes } from './abi.ts';
import type { ModuleContext } from './context.ts';
import { keccak } from './hash.ts';

/** Key of a slot, 32 bytes. */
export type Slot = Uint8Array;
/** What a slot's key is made of: numbers as 32-byte words, hex as it is, both after a tag. */
export type SlotPart = bigint | number | Hex;

const ZERO_WORD = new Uint8Array(32);

/** keccak(tag || 0x00 || parts, each padded to 32 bytes on the left). Tags hold no zero byte, so layouts cannot collide. */
export function slotOf(tag: string, ...parts: SlotPart[]): Slot {
  return keccak(concatBytes(utf8Bytes(tag), Uint8Array.of(0), ...parts.map(word)));
}

/** A 32-byte word of a number or of at most 32 bytes of hex, right-aligned. */
export function word(part: SlotPart): Uint8Array {
  if (typeof part === 'string') {
    const bytes = fromHex(part);
    if (bytes.length > 32) throw new RangeError(`more than 32 bytes: ${part.slice(0, 80)}`);
    return bytes.length === 32 ? bytes : concatBytes(new Uint8Array(32 - bytes.length), bytes);
  }
  return uint256Bytes(BigInt(part));
}

// --- values in slots --------------------------------------------------------------------------------------------

export function readUint(view: StateView, address: Hex, slot: Slot): bigint {
  return toUint(view.storage(address, slot));
}

/** A counter or height: fits a safe integer, since it grows by one at a time. */
export function readNumber(view: StateView, address: Hex, slot: Slot): number {
  return Number(readUint(view, address, slot));
}

export function readHash(view: StateView, address: Hex, slot: Slot): Hex {
  return toHex(view.storage(address, slot));
}

/** Undefined when the slot is empty. */
export function readAddress(view: StateView, address: Hex, slot: Slot): Hex | undefined {
  const value = view.storage(address, slot);
  const hex = toHex(value.subarray(12));
  return hex === ZERO_ADDRESS ? undefined : hex;
}

export function writeUint(context: ModuleContext, address: Hex, slot: Slot, value: bigint | number): void {
  context.setStorage(address, slot, uint256Bytes(BigInt(value)));
}

export function writeHash(context: ModuleContext, address: Hex, slot: Slot, value: Hex): void {
  context.setStorage(address, slot, word(value));
}

export function clearSlot(context: ModuleContext, address: Hex, slot: Slot): void {
  context.setStorage(address, slot, ZERO_WORD);
}

export const ZERO_ADDRESS: Hex = `0x${'0'.repeat(40)}`;
export const ZERO_HASH: Hex = `0x${'0'.repeat(64)}`;

/** Fields of fixed width in one slot, from its most significant byte: `[name, bytes]`, 32 bytes at most in sum. */
export type Packing<N extends string> = readonly (readonly [N, number])[];

export function readPacked<N extends string>(
  view: StateView,
  address: Hex,
  slot: Slot,
  packing: Packing<N>,
): Record<N, bigint> {
  const value = view.storage(address, slot);
  const fields = {} as Record<N, bigint>;
  let at = 0;
  for (const [name, bytes] of packing) {
    fields[name] = toUint(value.subarray(at, at + bytes));
    at += bytes;
  }
  return fields;
}

/** @throws Fault when a field does not fit: modules check ranges before. */
export function writePacked<N extends string>(
  context: ModuleContext,
  address: Hex,
  slot: Slot,
  packing: Packing<N>,
  fields: Record<N, bigint>,
): void {
  const value = new Uint8Array(32);
  let at = 0;
  for (const [name, bytes] of packing) {
    const field = fields[name];
    if (field < 0n || field >> BigInt(8 * bytes) !== 0n)
      throw new Fault(`${name} = ${field} does not fit into ${bytes} bytes`);
    value.set(uint256Bytes(field).subarray(32 - bytes), at);
    at += bytes;
  }
  context.setStorage(address, slot, value);
}

// --- records ----------------------------------------------------------------------------------------------------

/**
 * What follows the key in the body that `slot` names; undefined when the slot is empty.
 * @throws Fault when the body is missing or belongs elsewhere: the state of this node is damaged.
 */
export function readRecord(view: StateView, recordAddress: Hex, slot: Slot): Uint8Array | undefined {
  const hash = view.storage(recordAddress, slot);
  if (hash.every((byte) => byte === 0)) return undefined;
  const body = view.body(toHex(hash));
  if (body === undefined) throw new Fault(`body ${toHex(hash)} of ${recordAddress} is missing`);
  for (let i = 0; i < 32; i++)
    if (body[i] !== slot[i]) throw new Fault(`body ${toHex(hash)} belongs to another slot`);
  return body.subarray(32);
}

/** keccak of the body that `slot` names (its value), zero when there is none. */
export function recordHash(view: StateView, recordAddress: Hex, slot: Slot): Hex {
  return readHash(view, recordAddress, slot);
}

/** Stores `payload` as the record at `slot` and returns the keccak of its body. */
export function writeRecord(
  context: ModuleContext,
  recordAddress: Hex,
  slot: Slot,
  payload: Uint8Array,
): Hex {
  const hash = context.putBody(concatBytes(slot, payload));
  context.setStorage(recordAddress, slot, fromHex(hash));
  return hash;
}
