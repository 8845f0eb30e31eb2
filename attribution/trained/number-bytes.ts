/** Lists of numbers as big-endian bytes, and back. */
import type { ByteReader } from './byte-reader.ts';

type Numbers = Float64Array | Int32Array | Uint32Array | Int16Array | readonly number[];

/** Doubles of 8 bytes, whole numbers of 4 (either sign), or signed ones of 2. */
export function bigEndian(numbers: Numbers, width: 2 | 4 | 8): Uint8Array {
  const bytes = new Uint8Array(numbers.length * width);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < numbers.length; i++) {
    if (width === 8) view.setFloat64(8 * i, numbers[i]!);
    else if (width === 4) view.setUint32(4 * i, numbers[i]!);
    else view.setInt16(2 * i, numbers[i]!);
  }
  return bytes;
}

export function readDoubles(reader: ByteReader, count: number): Float64Array {
  const view = viewOf(reader, 8 * count);
  return Float64Array.from({ length: count }, (_, i) => view.getFloat64(8 * i));
}

export function readUnsigned(reader: ByteReader, count: number): Uint32Array {
  const view = viewOf(reader, 4 * count);
  return Uint32Array.from({ length: count }, (_, i) => view.getUint32(4 * i));
}

export function readIntegers(reader: ByteReader, count: number): Int32Array {
  const view = viewOf(reader, 4 * count);
  return Int32Array.from({ length: count }, (_, i) => view.getInt32(4 * i));
}

export function readShorts(reader: ByteReader, count: number): Int16Array {
  const view = viewOf(reader, 2 * count);
  const numbers = new Int16Array(count);
  for (let i = 0; i < count; i++) numbers[i] = view.getInt16(2 * i);
  return numbers;
}

function viewOf(reader: ByteReader, length: number): DataView {
  const bytes = reader.bytes(length);
  return new DataView(bytes.buffer, bytes.byteOffset, length);
}
