/**
 * Recursive Length Prefix (Ethereum Yellow Paper, appendix B). Encoding sizes its buffer first and writes once;
 * decoding is strict: one value has one encoding, and nesting is bounded.
 */
import { LIMITS } from './limits.ts';

export type RlpItem = Uint8Array | RlpItem[];

export class RlpError extends Error {
  override name = 'RlpError';
  readonly code = 'BAD_RLP';
}

/** Up to here a loop copies faster than the platform's own `set`, which has to be called. */
const SHORT = 40;

function lengthBytes(length: number): number {
  return length < 0x100 ? 1 : length < 0x10000 ? 2 : length < 0x1000000 ? 3 : 4;
}

/** Payload sizes of lists, in the order in which writing meets them. */
function measure(item: RlpItem, sizes: number[]): number {
  if (item instanceof Uint8Array) {
    const length = item.length;
    if (length === 1 && item[0]! < 0x80) return 1;
    return length < 56 ? 1 + length : 1 + lengthBytes(length) + length;
  }
  const slot = sizes.push(0) - 1;
  let payload = 0;
  for (const inner of item) payload += measure(inner, sizes);
  sizes[slot] = payload;
  return payload < 56 ? 1 + payload : 1 + lengthBytes(payload) + payload;
}

const NOTHING = new Uint8Array(0);
/** One for all: encoding never waits, and never begins inside another. */
const writer = { out: NOTHING, at: 0, sizes: [] as number[], list: 0 };

export function encodeRlp(item: RlpItem): Uint8Array {
  writer.sizes.length = 0;
  const out = new Uint8Array(measure(item, writer.sizes));
  writer.out = out;
  writer.at = 0;
  writer.list = 0;
  writeItem(item);
  writer.out = NOTHING;
  return out;
}

function writeHead(offset: number, length: number): void {
  const { out } = writer;
  if (length < 56) {
    out[writer.at++] = offset + length;
    return;
  }
  const size = lengthBytes(length);
  out[writer.at++] = offset + 55 + size;
  for (let shift = (size - 1) * 8; shift >= 0; shift -= 8) out[writer.at++] = (length >>> shift) & 0xff;
}

function writeItem(item: RlpItem): void {
  if (item instanceof Uint8Array) {
    const { length } = item;
    if (length === 1 && item[0]! < 0x80) {
      writer.out[writer.at++] = item[0]!;
      return;
    }
    writeHead(0x80, length);
    const { out, at } = writer;
    if (length <= SHORT) for (let i = 0; i < length; i++) out[at + i] = item[i]!;
    else out.set(item, at);
    writer.at = at + length;
    return;
  }
  writeHead(0xc0, writer.sizes[writer.list++]!);
  for (const inner of item) writeItem(inner);
}

/** What stands before a list's items. @param payload bytes of the encoded items */
export function rlpListHead(payload: number): Uint8Array {
  if (payload < 56) return Uint8Array.of(0xc0 + payload);
  const size = lengthBytes(payload);
  const head = new Uint8Array(1 + size);
  head[0] = 0xf7 + size;
  for (let i = 1, shift = (size - 1) * 8; i <= size; i++, shift -= 8) head[i] = (payload >>> shift) & 0xff;
  return head;
}

interface Reader {
  at: number;
  /** Items that may still come: a byte of input can be an item of a hundred bytes of memory. */
  left: number;
}

/**
 * Items share the input's memory.
 * @param maxItems lists and strings together, at all depths
 * @throws RlpError unless `input` is exactly one canonical item within these bounds
 */
export function decodeRlp(
  input: Uint8Array,
  maxDepth: number = LIMITS.maxRlpDepth,
  maxItems: number = Number.POSITIVE_INFINITY,
): RlpItem {
  const reader: Reader = { at: 0, left: maxItems };
  const item = decodeItem(input, reader, input.length, maxDepth);
  if (reader.at !== input.length) throw new RlpError(`${input.length - reader.at} bytes after the item`);
  return item;
}

function decodeItem(input: Uint8Array, reader: Reader, end: number, depth: number): RlpItem {
  if (--reader.left < 0) throw new RlpError('too many items');
  if (reader.at >= end) throw new RlpError('item missing');
  const first = input[reader.at]!;
  if (first < 0x80) return input.subarray(reader.at, ++reader.at);
  const isList = first >= 0xc0;
  let length = first - (isList ? 0xc0 : 0x80);
  let start = reader.at + 1;
  if (length > 55) {
    const size = length - 55;
    if (size > 4 || start + size > end || input[start] === 0) throw new RlpError('bad length');
    length = 0;
    for (let i = 0; i < size; i++) length = length * 256 + input[start + i]!;
    if (length < 56) throw new RlpError('long form of a short length');
    start += size;
  }
  const next = start + length;
  if (next > end) throw new RlpError('item runs over the end');
  if (!isList) {
    if (length === 1 && input[start]! < 0x80) throw new RlpError('single byte with a prefix');
    reader.at = next;
    return input.subarray(start, next);
  }
  if (depth === 0) throw new RlpError('nested too deeply');
  const items: RlpItem[] = [];
  reader.at = start;
  while (reader.at < next) items.push(decodeItem(input, reader, next, depth - 1));
  return items;
}

/** @throws RlpError unless `item` is a list (of `length` items, if given). */
export function rlpList(item: RlpItem | undefined, length?: number): RlpItem[] {
  if (item === undefined || item instanceof Uint8Array) throw new RlpError('expected a list');
  if (length !== undefined && item.length !== length)
    throw new RlpError(`expected ${length} items, got ${item.length}`);
  return item;
}

/** @throws RlpError unless `item` is bytes (of `length`, if given). */
export function rlpBytes(item: RlpItem | undefined, length?: number): Uint8Array {
  if (!(item instanceof Uint8Array)) throw new RlpError('expected bytes');
  if (length !== undefined && item.length !== length)
    throw new RlpError(`expected ${length} bytes, got ${item.length}`);
  return item;
}

/** @throws RlpError on a leading zero or more than `maxBytes`. */
export function rlpBigint(item: RlpItem | undefined, maxBytes = 32): bigint {
  const bytes = rlpBytes(item);
  if (bytes.length > maxBytes) throw new RlpError(`integer of ${bytes.length} bytes, at most ${maxBytes}`);
  if (bytes.length === 0) return 0n;
  if (bytes[0] === 0) throw new RlpError('integer with a leading zero');
  if (bytes.length <= 6) return BigInt(rlpSmall(bytes));
  return BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`);
}

function rlpSmall(bytes: Uint8Array): number {
  let value = 0;
  for (let i = 0; i < bytes.length; i++) value = value * 256 + bytes[i]!;
  return value;
}

/** A safe integer. @throws RlpError */
export function rlpNumber(item: RlpItem | undefined): number {
  const value = rlpBigint(item, 8);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RlpError(`integer beyond 2^53-1: ${value}`);
  return Number(value);
}
