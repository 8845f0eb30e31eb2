import { createReferenceShard } from './reference-shard.ts';
import { createWasmShard } from './wasm-shard.ts';

/**
 * Consecutive rows of a gradient store in one memory, and the two exact sums that every solver is made of. Numbers are
 * within ±32,767; factors are whole and at most 2³¹ in absolute value. Sums are of integers, so their order is free:
 * rows may be cut into shards anywhere, and any shard may be computed anywhere.
 */
export interface Shard {
  readonly count: number;
  /** Number of layers. */
  readonly layers: number;
  write(row: number, values: Int16Array): void;
  /** A copy of one row. */
  read(row: number): Int16Array;
  /** For each vector of weights (one number a column): row · weights for each row and segment, row-major. */
  products(vectors: readonly Float64Array[]): BigInt64Array[];
  /** For each vector of coefficients (count × layers, row-major): Σ coefficient of row and layer·row for each column. */
  sums(vectors: readonly Float64Array[]): BigInt64Array[];
}

/** Columns whose products with one row add up exactly in 64 bits: part of one layer. */
export interface Segment {
  readonly layer: number;
  readonly start: number;
  readonly length: number;
}

/** 2¹⁶ products of a 31-bit and a 15-bit number are at most 2⁶². */
const MAX_SEGMENT = 65_536;

/** Layers in their order, cut after every MAX_SEGMENT columns. */
export function segmentsOf(layers: readonly number[]): Segment[] {
  const segments: Segment[] = [];
  let first = 0;
  layers.forEach((size, layer) => {
    for (let at = 0; at < size; at += MAX_SEGMENT)
      segments.push({ layer, start: first + at, length: Math.min(MAX_SEGMENT, size - at) });
    first += size;
  });
  return segments;
}

/** WebAssembly, or its plain reference of identical bits. */
export type Arithmetic = 'wasm' | 'typescript';

/** Where there is no WebAssembly, or its memory has another byte order than the platform's arrays: the reference. */
export function defaultArithmetic(): Arithmetic {
  const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  return littleEndian && typeof WebAssembly !== 'undefined' ? 'wasm' : 'typescript';
}

/** Room for `count` rows, all zero. Layers as in QuantisedGradients. */
export function createShard(
  layers: readonly number[],
  count: number,
  arithmetic: Arithmetic = defaultArithmetic(),
): Shard {
  return arithmetic === 'wasm' ? createWasmShard(layers, count) : createReferenceShard(layers, count);
}
