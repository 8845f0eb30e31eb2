import { type Shard, segmentsOf } from './shard.ts';

/** Products of 31 and 15 bits: 64 of them add up exactly in a double. */
const BLOCK = 64;
const TWO_32 = 4294967296;

/** The reference: plain TypeScript, identical bits. */
export function createReferenceShard(layers: readonly number[], count: number): Shard {
  const segments = segmentsOf(layers);
  const columns = layers.reduce((sum, size) => sum + size, 0);
  const rows = new Int16Array(count * columns);
  return {
    count,
    layers: layers.length,
    write: (row, values) => rows.set(values, row * columns),
    read: (row) => rows.slice(row * columns, (row + 1) * columns),
    products: (vectors) =>
      vectors.map((weights) => {
        const out = new BigInt64Array(count * segments.length);
        for (let row = 0; row < count; row++)
          segments.forEach(({ start, length }, s) => {
            out[row * segments.length + s] = exactDot(rows, row * columns + start, weights, start, length);
          });
        return out;
      }),
    sums: (vectors) => vectors.map((coefficients) => exactSums(rows, layers, count, coefficients)),
  };
}

/** Σ a·b of integers, exact: a of 15 bits, b of 31 bits, both with sign. */
export function exactDot(
  a: Int16Array,
  aStart: number,
  b: Float64Array,
  bStart: number,
  length: number,
): bigint {
  // The total is high·2³² + low with |low| < 2⁵³.
  let high = 0;
  let low = 0;
  for (let from = 0; from < length; from += BLOCK) {
    const to = Math.min(length, from + BLOCK);
    const aFrom = aStart + from;
    const bFrom = bStart + from;
    const block = to - from;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let i = 0;
    for (; i + 3 < block; i += 4) {
      s0 += a[aFrom + i]! * b[bFrom + i]!;
      s1 += a[aFrom + i + 1]! * b[bFrom + i + 1]!;
      s2 += a[aFrom + i + 2]! * b[bFrom + i + 2]!;
      s3 += a[aFrom + i + 3]! * b[bFrom + i + 3]!;
    }
    for (; i < block; i++) s0 += a[aFrom + i]! * b[bFrom + i]!;
    const sum = s0 + s1 + (s2 + s3);
    const upper = Math.floor(sum / TWO_32);
    high += upper;
    low += sum - upper * TWO_32;
  }
  return (BigInt(high) << 32n) + BigInt(low);
}

/** Σᵢ coefficient of row i and layer·row i for each column, exact. */
function exactSums(
  rows: Int16Array,
  layers: readonly number[],
  count: number,
  coefficients: Float64Array,
): BigInt64Array {
  const columns = layers.reduce((sum, size) => sum + size, 0);
  const high = new Float64Array(columns);
  const low = new Float64Array(columns);
  const block = new Float64Array(columns);
  for (let from = 0; from < count; from += BLOCK) {
    const to = Math.min(count, from + BLOCK);
    block.fill(0);
    for (let i = from; i < to; i++) {
      let j = 0;
      for (let layer = 0; layer < layers.length; layer++) {
        const by = coefficients[i * layers.length + layer]!;
        for (const end = j + layers[layer]!; j < end; j++) block[j]! += by * rows[i * columns + j]!;
      }
    }
    for (let j = 0; j < columns; j++) {
      const upper = Math.floor(block[j]! / TWO_32);
      high[j]! += upper;
      low[j]! += block[j]! - upper * TWO_32;
    }
  }
  return BigInt64Array.from(high, (upper, j) => (BigInt(upper) << 32n) + BigInt(low[j]!));
}
