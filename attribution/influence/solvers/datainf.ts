import { roundTo31Bits } from '../arithmetic/integers.ts';
import { MAX_EXPONENT_SPREAD } from '../limits.ts';
import type { DataInfLayer, DataInfMetric, InfluenceScores, QuantisedGradients } from '../types.ts';
import type { QuantisedRow } from './quantise.ts';
import type { Scanning } from './scan.ts';
import { readRow } from './store.ts';
import { layerProducts, type QueryWeights, weightedScores } from './weighted-scores.ts';

/**
 * DataInf (Kwon et al., arXiv 2310.00902) in integers. For each layer of d numbers, with gradients gᵢ of n samples and
 * v of the query: λ = ΣN/(10·n·d), N = |g|²; r = (1/λ)·[v − (1/n)·Σᵢ (v·gᵢ)/(λ + Nᵢ)·gᵢ]; the score of sample k is
 * Σ r·gₖ over the layers (the paper's influence with the sign turned: positive is helpful).
 *
 * The ten divides out: (1/n)/(λ + Nᵢ) = 10·d/(ΣN + 10·n·d·Nᵢ), so that all is a quotient of integers.
 */
const FRACTION_BITS = 96;
const LAMBDA_BITS = 64;

/** λ and the denominators of each layer, in units of 4^(its base exponent). */
export function prepareDataInf(gradients: QuantisedGradients): DataInfMetric {
  const { count, exponents, baseExponents } = gradients;
  const layers = gradients.layers.length;
  const norms = gradients.layers.map((): bigint[] => []);
  for (let i = 0; i < count; i++) {
    const row = readRow(gradients, i);
    let j = 0;
    gradients.layers.forEach((length, layer) => {
      let sum = 0;
      for (const end = j + length; j < end; j++) sum += row[j]! * row[j]!;
      const above = exponents[i * layers + layer]! - baseExponents[layer]!;
      norms[layer]!.push(BigInt(sum) << BigInt(2 * above));
    });
  }
  return {
    solver: 'datainf',
    gradients,
    layers: norms.map((squares, layer): DataInfLayer => {
      const total = squares.reduce((sum, norm) => sum + norm, 0n);
      const scale = 10n * BigInt(count) * BigInt(gradients.layers[layer]!);
      return { total, denominators: squares.map((norm) => total + scale * norm) };
    }),
  };
}

/** Products with the query give coefficients, sums with those give weights, products with those are the scores. */
export function* dataInfScores(metric: DataInfMetric, query: QuantisedRow): Scanning<InfluenceScores> {
  const { gradients } = metric;
  const [products] = yield { kind: 'products', vectors: [Float64Array.from(query.values)] };
  const { coefficients, shifts } = coefficientsOf(metric, layerProducts(gradients, products!));
  const [sums] = yield { kind: 'sums', vectors: [coefficients] };
  return yield* weightedScores(gradients, weightsOf(metric, query, sums!, shifts));
}

/**
 * (1/n)·(v·gᵢ)/(λ + Nᵢ)·2^(exponent of gᵢ) for each sample and layer, in units of 2^(query exponent − FRACTION_BITS),
 * cut toward zero, then rounded to 31 bits with one shift a layer.
 */
function coefficientsOf(
  metric: DataInfMetric,
  products: ArrayLike<bigint>,
): { coefficients: Float64Array; shifts: number[] } {
  const { count, exponents, baseExponents } = metric.gradients;
  const layers = metric.layers.length;
  const coefficients = new Float64Array(count * layers);
  const shifts = metric.layers.map(({ total, denominators }, layer) => {
    if (total === 0n) return 0;
    const perSample = 10n * BigInt(metric.gradients.layers[layer]!);
    // By the exponent above the layer's base.
    const scales = Array.from(
      { length: MAX_EXPONENT_SPREAD + 1 },
      (_, above) => perSample << BigInt(2 * above + FRACTION_BITS),
    );
    const quotients = denominators.map((denominator, i) => {
      const above = exponents[i * layers + layer]! - baseExponents[layer]!;
      return (products[i * layers + layer]! * scales[above]!) / denominator;
    });
    const { values, shift } = roundTo31Bits(quotients);
    for (let i = 0; i < count; i++) coefficients[i * layers + layer] = values[i]!;
    return shift;
  });
  return { coefficients, shifts };
}

/** r of every layer, rounded to 31 bits with an exponent a layer. A layer without any gradient counts nothing. */
function weightsOf(
  metric: DataInfMetric,
  query: QuantisedRow,
  sums: BigInt64Array,
  shifts: readonly number[],
): QueryWeights {
  const { count, layers, dimensions, baseExponents } = metric.gradients;
  const values = new Float64Array(dimensions);
  let start = 0;
  const exponents = metric.layers.map(({ total }, layer) => {
    const length = layers[layer]!;
    const from = start;
    start += length;
    const base = baseExponents[layer]!;
    if (total === 0n) return -base;
    const perLambda = 10n * BigInt(count) * BigInt(length);
    const shift = BigInt(shifts[layer]!);
    const scale = perLambda << BigInt(LAMBDA_BITS);
    const solved = Array.from({ length }, (_, j) => {
      const own = BigInt(query.values[from + j]!) << BigInt(FRACTION_BITS);
      return ((own - (sums[from + j]! << shift)) * scale) / total;
    });
    const weights = roundTo31Bits(solved);
    values.set(weights.values, from);
    return query.exponents[layer]! - FRACTION_BITS - LAMBDA_BITS - 2 * base + weights.shift;
  });
  return { values, exponents };
}
