import { keccak_256 } from '@noble/hashes/sha3.js';
import { toHex } from '../../credit/bytes.ts';
import { AttributionError } from '../../errors.ts';
import { MAX_ROWS, MAX_VECTOR, MAX_VOCABULARY, MAX_WEIGHTS } from './limits.ts';
import type { Encoder } from './types.ts';
import { createVocabulary } from './vocabulary.ts';

/**
 * An encoder as bytes, all integers big-endian:
 *
 * | bytes | field |
 * |---|---|
 * | 4 | `OLSE` |
 * | 1 | version (2): the rules of docs/retrieval.md by which a text becomes features |
 * | 4 | rows |
 * | 2 | width, a multiple of 16 |
 * | 2 | chunks |
 * | 4 | weights |
 * | 4 | words of the vocabulary |
 * | rows·width | table, from −127 to 127 |
 * | weights | weights, from 0 to 127 |
 * | 4 · words | hashes of the vocabulary, ascending |
 */
const MAGIC = [0x4f, 0x4c, 0x53, 0x45] as const;
const VERSION = 2;
const HEAD = 21;
const LANES = 16;
const LARGEST_WEIGHT = 127;

/** Canonical bytes of an encoder. */
export function encoderBytes({ shape, table, weights, vocabulary }: Encoder): Uint8Array {
  const { hashes } = vocabulary;
  const vocabularyAt = HEAD + table.length + weights.length;
  const bytes = new Uint8Array(vocabularyAt + 4 * hashes.length);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint8(4, VERSION);
  view.setUint32(5, shape.rows);
  view.setUint16(9, shape.width);
  view.setUint16(11, shape.chunks);
  view.setUint32(13, weights.length);
  view.setUint32(17, hashes.length);
  bytes.set(new Uint8Array(table.buffer, table.byteOffset, table.length), HEAD);
  bytes.set(weights, HEAD + table.length);
  hashes.forEach((hash, i) => {
    view.setUint32(vocabularyAt + 4 * i, hash);
  });
  return bytes;
}

/** The encoder in such bytes. @throws AttributionError 'InvalidEncoder' for any others. */
export function readEncoder(bytes: Uint8Array): Encoder {
  if (bytes.length < HEAD || MAGIC.some((byte, i) => bytes[i] !== byte))
    throw invalid('it does not begin with OLSE');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(4) !== VERSION) throw invalid(`version ${view.getUint8(4)} is unknown`);
  const shape = { rows: view.getUint32(5), width: view.getUint16(9), chunks: view.getUint16(11) };
  const [size, words] = [view.getUint32(13), view.getUint32(17)];
  const vector = shape.width * shape.chunks;
  if (shape.rows < 1 || shape.rows > MAX_ROWS) throw invalid(`it has ${shape.rows} rows`);
  if (vector < 1 || vector > MAX_VECTOR || shape.width % LANES !== 0)
    throw invalid(`its vectors have ${shape.chunks} × ${shape.width} numbers`);
  if (size < 1 || size > MAX_WEIGHTS) throw invalid(`it has ${size} weights`);
  if (words > MAX_VOCABULARY) throw invalid(`its vocabulary has ${words} words`);
  const weightsAt = HEAD + shape.rows * shape.width;
  const vocabularyAt = weightsAt + size;
  if (bytes.length !== vocabularyAt + 4 * words) throw invalid('its length does not fit its head');
  // Copied as plain arrays: the slice of a platform's own kind of byte array may share its memory.
  const copy = new Uint8Array(bytes);
  const table = new Int8Array(copy.buffer, HEAD, weightsAt - HEAD);
  const weights = copy.subarray(weightsAt, vocabularyAt);
  const hashes = Uint32Array.from({ length: words }, (_, i) => view.getUint32(vocabularyAt + 4 * i));
  if (table.includes(-128)) throw invalid('its table holds −128');
  if (weights.some((weight) => weight > LARGEST_WEIGHT)) throw invalid('a weight is above 127');
  if (hashes.some((hash, i) => i > 0 && hash <= hashes[i - 1]!))
    throw invalid('the hashes of its vocabulary do not ascend');
  return { shape, table, weights, vocabulary: createVocabulary(hashes) };
}

/** keccak-256 of the canonical bytes: 0x and 64 hex digits. */
export function encoderHash(encoder: Encoder): string {
  return toHex(keccak_256(encoderBytes(encoder)));
}

function invalid(reason: string): AttributionError {
  return new AttributionError('InvalidEncoder', `This is no sentence encoder: ${reason}.`);
}
