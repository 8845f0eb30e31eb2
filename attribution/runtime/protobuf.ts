/**
 * A strict reader of the protobuf wire format (protobuf.dev, "Encoding"). Stricter than the format allows, so that there
 * is one encoding and one reading of each value: varints must be shortest, groups do not exist, a field that may stand
 * once must not be repeated (the format would let the last one win).
 */
import { ModelError } from './errors.ts';

/** A part of the file that is being read; `at` moves. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
}

/** Wire types that exist here: varint, eight bytes, length-delimited, four bytes. */
export type WireType = 0 | 1 | 2 | 5;

export interface FieldTag {
  readonly number: number;
  readonly wire: WireType;
}

export function cursorOver(bytes: Uint8Array, start = 0, end = bytes.length): Cursor {
  return { bytes, at: start, end };
}

/** The next field's number and wire type, undefined at the end. @throws ModelError */
export function readTag(cursor: Cursor): FieldTag | undefined {
  if (cursor.at === cursor.end) return undefined;
  const at = cursor.at;
  const tag = readVarint(cursor);
  const number = Math.floor(tag / 8);
  const wire = tag % 8;
  if (number < 1 || number > 0x1fffffff || tag < 0)
    throw new ModelError('UnknownField', `Byte ${at} starts no field of a model file. Is this an ONNX file?`);
  if (wire !== 0 && wire !== 1 && wire !== 2 && wire !== 5)
    throw new ModelError('BadWireType', `Byte ${at} has wire type ${wire}, which model files do not use.`);
  return { number, wire };
}

const LIMIT = Number.MAX_SAFE_INTEGER;
const TWO_32 = 4294967296;

/**
 * A varint as a signed 64-bit integer. Values beyond ±(2⁵³ − 1) come out as that bound: they mean "to the end" in
 * slices, and everywhere else they are far outside every limit.
 */
export function readVarint(cursor: Cursor): number {
  const { bytes, end } = cursor;
  const start = cursor.at;
  let low = 0;
  let high = 0;
  for (let i = 0; i < 10; i++) {
    if (start + i >= end) throw truncated(start);
    const byte = bytes[start + i]!;
    const bits = byte & 0x7f;
    // 28 bits fill `low` up to the fifth byte, which is shared by both halves.
    if (i < 4) low |= bits << (7 * i);
    else if (i === 4) {
      low |= (bits & 0x0f) << 28;
      high = bits >>> 4;
    } else if (i < 9) high |= bits << (7 * i - 32);
    else high |= (bits & 1) << 31;
    if (byte < 0x80) {
      if (i > 0 && byte === 0)
        throw new ModelError('BadVarint', `The number at byte ${start} is longer than it must be.`);
      if (i === 9 && byte > 1)
        throw new ModelError('BadVarint', `The number at byte ${start} has over 64 bits.`);
      cursor.at = start + i + 1;
      const value = (high | 0) * TWO_32 + (low >>> 0);
      return Math.min(Math.max(value, -LIMIT), LIMIT);
    }
  }
  throw new ModelError('BadVarint', `The number at byte ${start} has over 64 bits.`);
}

/** The bytes of a length-delimited field: a message, a string or packed numbers. */
export function readBlock(cursor: Cursor): Cursor {
  const at = cursor.at;
  const length = readVarint(cursor);
  if (length < 0 || length > cursor.end - cursor.at) throw truncated(at);
  const block = cursorOver(cursor.bytes, cursor.at, cursor.at + length);
  cursor.at += length;
  return block;
}

/** Four bytes as a float. */
export function readFloat(cursor: Cursor): number {
  if (cursor.end - cursor.at < 4) throw truncated(cursor.at);
  const { buffer, byteOffset } = cursor.bytes;
  const value = new DataView(buffer, byteOffset + cursor.at, 4).getFloat32(0, true);
  cursor.at += 4;
  return value;
}

/** Passes over a field whose value does not matter. */
export function skip(cursor: Cursor, wire: WireType): void {
  switch (wire) {
    case 0:
      readVarint(cursor);
      return;
    case 2:
      readBlock(cursor);
      return;
    case 1:
    case 5: {
      const size = wire === 1 ? 8 : 4;
      if (cursor.end - cursor.at < size) throw truncated(cursor.at);
      cursor.at += size;
      return;
    }
  }
}

function truncated(at: number): ModelError {
  return new ModelError(
    'Truncated',
    `The field at byte ${at} ends beyond what holds it. Send the whole file.`,
  );
}
