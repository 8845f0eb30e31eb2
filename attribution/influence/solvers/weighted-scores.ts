import type { InfluenceScores, QuantisedGradients } from '../types.ts';

/** A query as every solver ends: number j counts values[j]·2^exponents[layer of j]; |values[j]| ≤ 2³¹, whole. */
export interface QueryWeights {
  readonly values: Float64Array;
  readonly exponents: readonly number[];
}

/** Products of 31 and 15 bits: 64 of them add up exactly in a double. */
const BLOCK = 64;

/**
 * The exact product of the query's weights with each sample's gradient, all on one power-of-two scale. Sums are of
 * integers, so their order does not matter.
 */
export function weightedScores(gradients: QuantisedGradients, weights: QueryWeights): InfluenceScores {
  const layerExponents = weights.exponents.map(
    (exponent, layer) => exponent + gradients.baseExponents[layer]!,
  );
  const exponent = Math.min(...layerExponents);
  const values: bigint[] = [];
  for (let i = 0; i < gradients.count; i++) {
    let score = 0n;
    let start = 0;
    for (let layer = 0; layer < gradients.layers.length; layer++) {
      const length = gradients.layers[layer]!;
      const product = exactDot(
        gradients.values,
        i * gradients.dimensions + start,
        weights.values,
        start,
        length,
      );
      const above =
        gradients.exponents[i * gradients.layers.length + layer]! - gradients.baseExponents[layer]!;
      score += product << BigInt(above + layerExponents[layer]! - exponent);
      start += length;
    }
    values.push(score);
  }
  return { values, exponent };
}

/** Σ a·b of integers, exact: a of 15 bits, b of 31 bits and sign. */
export function exactDot(
  a: Int16Array | Float64Array,
  aStart: number,
  b: Float64Array | Int32Array,
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
    const upper = Math.floor(sum / 4294967296);
    high += upper;
    low += sum - upper * 4294967296;
  }
  return (BigInt(high) << 32n) + BigInt(low);
}
