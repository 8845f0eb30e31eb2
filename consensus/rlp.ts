/**
 * Recursive Length Prefix as Ethereum defines it (Yellow Paper, appendix B): only what headers hash here needs.
 * Decoding is strict: one value has one encoding.
 */
import { concatBytes } from './bytes.ts';
import { ConsensusError } from './errors.ts';

export type RlpItem = Uint8Array | readonly RlpItem[];

export function encodeRlp(item: RlpItem): Uint8Array {
  if (item instanceof Uint8Array) {
    if (item.length === 1 && item[0]! < 0x80) return item.slice();
    return concatBytes([header(0x80, item.length), item]);
  }
  const body = concatBytes((item as readonly RlpItem[]).map(encodeRlp));
  return concatBytes([header(0xc0, body.length), body]);
}

function header(offset: number, length: number): Uint8Array {
  if (length < 56) return Uint8Array.of(offset + length);
  const size = bigintToBytes(BigInt(length));
  return concatBytes([Uint8Array.of(offset + 55 + size.length), size]);
}

/** @throws ConsensusError MALFORMED on anything but one canonical item. `maxDepth` bounds nesting. */
export function decodeRlp(input: Uint8Array, maxDepth = 4): RlpItem {
  const { item, next } = decodeAt(input, 0, input.length, maxDepth);
  if (next !== input.length) throw malformed(`${input.length - next} bytes after the item`);
  return item;
}

function decodeAt(
  input: Uint8Array,
  at: number,
  end: number,
  depth: number,
): { item: RlpItem; next: number } {
  const { isList, start, length } = decodeHeader(input, at, end);
  const next = start + length;
  if (!isList) {
    if (
      start === at + 1 &&
      length === 1 &&
      input[at] !== undefined &&
      input[at]! === 0x81 &&
      input[start]! < 0x80
    )
      throw malformed('single byte with a prefix');
    return { item: input.slice(start, next), next };
  }
  if (depth === 0) throw malformed('nested too deeply');
  const items: RlpItem[] = [];
  let cursor = start;
  while (cursor < next) {
    const inner = decodeAt(input, cursor, next, depth - 1);
    items.push(inner.item);
    cursor = inner.next;
  }
  return { item: items, next };
}

function decodeHeader(
  input: Uint8Array,
  at: number,
  end: number,
): { isList: boolean; start: number; length: number } {
  if (at >= end) throw malformed('item missing');
  const first = input[at]!;
  if (first < 0x80) return { isList: false, start: at, length: 1 };
  const isList = first >= 0xc0;
  const short = first - (isList ? 0xc0 : 0x80);
  let start = at + 1;
  let length = short;
  if (short > 55) {
    const size = short - 55;
    if (size > 4 || start + size > end || input[start] === 0) throw malformed('bad length');
    length = 0;
    for (let i = 0; i < size; i++) length = length * 256 + input[start + i]!;
    if (length < 56) throw malformed('long form of a short length');
    start += size;
  }
  if (start + length > end) throw malformed('item runs over the end');
  return { isList, start, length };
}

/** Big-endian without leading zeros; zero is empty. @throws ConsensusError LIMIT for negative values. */
export function bigintToBytes(value: bigint): Uint8Array {
  if (value < 0n) throw new ConsensusError('LIMIT', `RLP has no negative numbers: ${value}`);
  if (value === 0n) return new Uint8Array(0);
  let hex = value.toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** @throws ConsensusError MALFORMED on a leading zero or more than `maxBytes`. */
export function bytesToBigint(bytes: Uint8Array, maxBytes = 32): bigint {
  if (bytes.length > maxBytes) throw malformed(`integer of ${bytes.length} bytes, at most ${maxBytes}`);
  if (bytes[0] === 0) throw malformed('integer with a leading zero');
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

export function rlpBytes(item: RlpItem | undefined, length: number): Uint8Array {
  if (!(item instanceof Uint8Array) || item.length !== length) throw malformed(`expected ${length} bytes`);
  return item;
}

export function rlpBigint(item: RlpItem | undefined, maxBytes: number): bigint {
  if (!(item instanceof Uint8Array)) throw malformed('expected an integer');
  return bytesToBigint(item, maxBytes);
}

export function rlpList(item: RlpItem | undefined): readonly RlpItem[] {
  if (item === undefined || item instanceof Uint8Array) throw malformed('expected a list');
  return item;
}

function malformed(what: string): ConsensusError {
  return new ConsensusError('MALFORMED', `RLP: ${what}`);
}
