import { keccak_256 } from '@noble/hashes/sha3.js';
import { toHex } from '../../credit/bytes.ts';
import { AttributionError } from '../../errors.ts';
import { MAX_ROWS, MAX_VECTOR, MAX_WORD_WEIGHTS } from './limits.ts';
import type { Encoder } from './types.ts';

/**
 * An encoder as bytes, all integers big-endian:
 *
 * | bytes | field |
 * |---|---|
 * | 4 | `OLSE` |
 * | 1 | version (1): the rules of docs/retrieval.md by which a text becomes features |
 * | 4 | rows |
 * | 2 | width, a multiple of 16 |
 * | 2 | chunks |
 * | 4 | word weights |
 * | rows·width | table, from −127 to 127 |
 * | word weights | weights, from 0 to 127 |
 */
const MAGIC = [0x4f, 0x4c, 0x53, 0x45] as const;
const VERSION = 1;
const HEAD = 17;
const LANES = 16;
const LARGEST_WEIGHT = 127;

/** Canonical bytes of an encoder. */
export function encoderBytes({ shape, table, weights }: Encoder): Uint8Array {
  const bytes = new Uint8Array(HEAD + table.length + weights.length);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint8(4, VERSION);
  view.setUint32(5, shape.rows);
  view.setUint16(9, shape.width);
  view.setUint16(11, shape.chunks);
  view.setUint32(13, weights.length);
  bytes.set(new Uint8Array(table.buffer, table.byteOffset, table.length), HEAD);
  bytes.set(weights, HEAD + table.length);
  return bytes;
}

/** The encoder in such bytes. @throws AttributionError 'InvalidEncoder' for any others. */
export function readEncoder(bytes: Uint8Array): Encoder {
  if (bytes.length < HEAD || MAGIC.some((byte, i) => bytes[i] !== byte))
    throw invalid('it does not begin with OLSE');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(4) !== VERSION) throw invalid(`version ${view.getUint8(4)} is unknown`);
  const shape = { rows: view.getUint32(5), width: view.getUint16(9), chunks: view.getUint16(11) };
  const size = view.getUint32(13);
  const vector = shape.width * shape.chunks;
  if (shape.rows < 1 || shape.rows > MAX_ROWS) throw invalid(`it has ${shape.rows} rows`);
  if (vector < 1 || vector > MAX_VECTOR || shape.width % LANES !== 0)
    throw invalid(`its vectors have ${shape.chunks} × ${shape.width} numbers`);
  if (size < 1 || size > MAX_WORD_WEIGHTS) throw invalid(`it has ${size} word weights`);
  const weightsAt = HEAD + shape.rows * shape.width;
  if (bytes.length !== weightsAt + size) throw invalid('its length does not fit its head');
  // Copied as plain arrays: the slice of a platform's own kind of byte array may share its memory.
  const copy = new Uint8Array(bytes);
  const table = new Int8Array(copy.buffer, HEAD, weightsAt - HEAD);
  const weights = copy.subarray(weightsAt);
  if (table.includes(-128)) throw invalid('its table holds −128');
  if (weights.some((weight) => weight > LARGEST_WEIGHT)) throw invalid('a word weight is above 127');
  return { shape, table, weights };
}

/** keccak-256 of the canonical bytes: 0x and 64 hex digits. */
export function encoderHash(encoder: Encoder): string {
  return toHex(keccak_256(encoderBytes(encoder)));
}

function invalid(reason: string): AttributionError {
  return new AttributionError('InvalidEncoder', `This is no sentence encoder: ${reason}.`);
}
