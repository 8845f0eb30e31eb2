import { roundTo31Bits } from '../arithmetic/integers.ts';
import type { DataInfLayer, DataInfMetric, QuantisedGradients } from '../types.ts';
import { exactDot, type QueryWeights } from './weighted-scores.ts';

/**
 * DataInf (Kwon et al., arXiv 2310.00902) in integers. For each layer of d numbers, with gradients gᵢ of n samples and
 * v of the query: λ = ΣN/(10·n·d), N = |g|²; r = (1/λ)·[v − (1/n)·Σᵢ (v·gᵢ)/(λ + Nᵢ)·gᵢ]; the score of sample k is
 * Σ r·gₖ over the layers (the paper's influence with the sign turned: positive is helpful).
 *
 * The ten divides out: (1/n)/(λ + Nᵢ) = 10·d/(ΣN + 10·n·d·Nᵢ), so that all is a quotient of integers.
 */
const FRACTION_BITS = 96;
const LAMBDA_BITS = 64;
/** Sums of 64 products of 31 and 15 bits are exact in a double. */
const BLOCK = 64;

/** λ and the denominators of a layer, in units of 4^(its base exponent). */
export function prepareDataInf(gradients: QuantisedGradients): DataInfMetric {
  const { count, dimensions, values, exponents, baseExponents } = gradients;
  let start = 0;
  const layers = gradients.layers.map((length, layer): DataInfLayer => {
    const norms: bigint[] = [];
    for (let i = 0; i < count; i++) {
      const above = exponents[i * gradients.layers.length + layer]! - baseExponents[layer]!;
      const row = i * dimensions + start;
      let sum = 0;
      for (let j = row; j < row + length; j++) sum += values[j]! * values[j]!;
      norms.push(BigInt(sum) << BigInt(2 * above));
    }
    start += length;
    const total = norms.reduce((sum, norm) => sum + norm, 0n);
    const scale = 10n * BigInt(count) * BigInt(length);
    return { total, denominators: norms.map((norm) => total + scale * norm) };
  });
  return { solver: 'datainf', gradients, layers };
}

/** r of every layer, rounded to 31 bits with an exponent a layer. A layer without any gradient counts nothing. */
export function dataInfWeights(metric: DataInfMetric, query: QuantisedGradients): QueryWeights {
  const values = new Float64Array(metric.gradients.dimensions);
  const exponents: number[] = [];
  let start = 0;
  metric.layers.forEach((layer, index) => {
    const length = metric.gradients.layers[index]!;
    if (layer.total === 0n) exponents.push(-metric.gradients.baseExponents[index]!);
    else {
      const solved = layerWeights(metric.gradients, layer, index, start, length, query);
      values.set(solved.values, start);
      exponents.push(solved.exponent);
    }
    start += length;
  });
  return { values, exponents };
}

function layerWeights(
  gradients: QuantisedGradients,
  layer: DataInfLayer,
  index: number,
  start: number,
  length: number,
  query: QuantisedGradients,
): { values: Float64Array; exponent: number } {
  const { count, dimensions, values, exponents } = gradients;
  const base = gradients.baseExponents[index]!;
  const queryValues = Float64Array.from(query.values.subarray(start, start + length));

  // (1/n)·(v·gᵢ)/(λ + Nᵢ)·2^(exponent of gᵢ), in units of 2^(query exponent − FRACTION_BITS), truncated.
  const coefficients: bigint[] = [];
  for (let i = 0; i < count; i++) {
    const above = exponents[i * gradients.layers.length + index]! - base;
    const product = exactDot(values, i * dimensions + start, queryValues, 0, length);
    const numerator = (product * 10n * BigInt(length)) << BigInt(2 * above + FRACTION_BITS);
    coefficients.push(numerator / layer.denominators[i]!);
  }
  const rounded = roundTo31Bits(coefficients);
  const sums = weightedSum(gradients, rounded.values, start, length);

  const perLambda = 10n * BigInt(count) * BigInt(length);
  const solved = sums.map((sum, j) => {
    const rest = (BigInt(queryValues[j]!) << BigInt(FRACTION_BITS)) - (sum << BigInt(rounded.shift));
    return ((rest * perLambda) << BigInt(LAMBDA_BITS)) / layer.total;
  });
  const weights = roundTo31Bits(solved);
  const queryExponent = query.exponents[index]!;
  return {
    values: weights.values,
    exponent: queryExponent - FRACTION_BITS - LAMBDA_BITS - 2 * base + weights.shift,
  };
}

/** Σᵢ coefficients[i]·values of sample i from number `start` on, exact; |coefficients| ≤ 2³¹, whole. */
export function weightedSum(
  gradients: QuantisedGradients,
  coefficients: Float64Array,
  start: number,
  length: number,
): bigint[] {
  const { count, dimensions, values } = gradients;
  const high = new Float64Array(length);
  const low = new Float64Array(length);
  const block = new Float64Array(length);
  for (let from = 0; from < count; from += BLOCK) {
    const to = Math.min(count, from + BLOCK);
    block.fill(0);
    for (let i = from; i < to; i++) {
      const by = coefficients[i]!;
      const row = i * dimensions + start;
      for (let j = 0; j < length; j++) block[j]! += by * values[row + j]!;
    }
    for (let j = 0; j < length; j++) {
      const upper = Math.floor(block[j]! / 4294967296);
      high[j]! += upper;
      low[j]! += block[j]! - upper * 4294967296;
    }
  }
  return Array.from(high, (upper, j) => (BigInt(upper) << 32n) + BigInt(low[j]!));
}
