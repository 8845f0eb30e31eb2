import { MAX_EXPONENT_SPREAD } from '../limits.ts';
import type { InfluenceScores, QuantisedGradients } from '../types.ts';
import type { Scanning } from './scan.ts';
import { segmentsOf } from './shard.ts';

/** A query as every solver ends: number j counts values[j]·2^exponents[layer of j]; |values[j]| ≤ 2³¹, whole. */
export interface QueryWeights {
  readonly values: Float64Array;
  readonly exponents: readonly number[];
}

/** The exact product of the query's weights with each sample's gradient, all on one power-of-two scale. */
export function* weightedScores(
  gradients: QuantisedGradients,
  weights: QueryWeights,
): Scanning<InfluenceScores> {
  const { count, baseExponents } = gradients;
  const layers = gradients.layers.length;
  const layerExponents = weights.exponents.map((exponent, layer) => exponent + baseExponents[layer]!);
  const exponent = Math.min(...layerExponents);
  const [products] = yield { kind: 'products', vectors: [weights.values] };
  const segments = segmentsOf(gradients.layers);
  // Of each layer, by the exponent above its base.
  const shifts = layerExponents.map((own) =>
    Array.from({ length: MAX_EXPONENT_SPREAD + 1 }, (_, above) => BigInt(above + own - exponent)),
  );
  const values: bigint[] = [];
  for (let i = 0; i < count; i++) {
    let score = 0n;
    for (let s = 0; s < segments.length; s++) {
      const { layer } = segments[s]!;
      const above = gradients.exponents[i * layers + layer]! - baseExponents[layer]!;
      score += products![i * segments.length + s]! << shifts[layer]![above]!;
    }
    values.push(score);
  }
  return { values, exponent };
}

/** Products of each sample with one vector, count × layers: the segments of a layer added up. */
export function layerProducts(
  gradients: QuantisedGradients,
  products: BigInt64Array,
): BigInt64Array | readonly bigint[] {
  const segments = segmentsOf(gradients.layers);
  const layers = gradients.layers.length;
  if (segments.length === layers) return products;
  const sums = new Array<bigint>(gradients.count * layers).fill(0n);
  for (let i = 0; i < gradients.count; i++)
    segments.forEach(({ layer }, s) => {
      sums[i * layers + layer]! += products[i * segments.length + s]!;
    });
  return sums;
}
