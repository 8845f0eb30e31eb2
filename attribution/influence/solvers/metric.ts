import { keccak_256 } from '@noble/hashes/sha3.js';
import { toHex } from '../../credit/bytes.ts';
import { AttributionError } from '../../errors.ts';
import { checkGradients, checkRange } from '../check.ts';
import type {
  Head,
  InfluenceScores,
  LabelledFeatures,
  Metric,
  QuantisedGradients,
  SolverName,
} from '../types.ts';
import { clipGradients } from './clip.ts';
import { dataInfWeights, prepareDataInf } from './datainf.ts';
import { headGradients, quantiseGradients } from './gradients.ts';
import { newtonParts, newtonWeights, quantiseInverse } from './newton.ts';
import { type QueryWeights, weightedScores } from './weighted-scores.ts';

/** A trained head and what it was trained on. */
export interface TrainedSamples {
  readonly data: LabelledFeatures;
  readonly head: Head;
}

export interface PrepareOptions {
  readonly solver: SolverName;
  /** The regularisation that the head was trained with; only `newton` reads it. */
  readonly l2Micro: number;
  /** Gradients are clipped at this percentile of their lengths, 1 to 100 (100: not at all). */
  readonly clipPercent: number;
}

/**
 * The metric of a head: what every query needs, in integers, equal on all nodes.
 * Cost: `newton` builds and inverts the Hessian (about n·D²/2 + D³ multiplications, D parameters), the others only
 * take gradients.
 * @throws AttributionError 'InvalidParameter', 'InvalidNumber', 'ShapeMismatch', 'ProblemTooLarge', 'NotConverged'.
 */
export function prepare(samples: TrainedSamples, options: PrepareOptions): Metric {
  const { data, head } = samples;
  const count = data.labels.length;
  checkRange('clipPercent', options.clipPercent, 1, 100);
  if (options.solver === 'newton') {
    checkRange('l2Micro', options.l2Micro, 1, 1_000_000_000_000);
    const parts = newtonParts(data, head, options.l2Micro / 1e6);
    clipGradients(parts.gradients, count, options.clipPercent);
    return {
      solver: 'newton',
      gradients: quantiseGradients(parts.gradients, count, [head.weights.length]),
      ...quantiseInverse(parts.inverse),
    };
  }
  const gradients = headGradients(data, head);
  return prepareFromGradients(gradients, count, [head.weights.length], options.solver, options.clipPercent);
}

/**
 * The metric of any model whose gradients are given (count × Σ layers, row-major), such as an adapter of several
 * layers: `datainf` or `dot`. Clipping works on a copy.
 * @throws AttributionError 'InvalidParameter', 'InvalidNumber', 'ShapeMismatch', 'ProblemTooLarge'.
 */
export function prepareFromGradients(
  gradients: Float64Array,
  count: number,
  layers: readonly number[],
  solver: 'datainf' | 'dot',
  clipPercent: number,
): Metric {
  checkRange('clipPercent', clipPercent, 1, 100);
  checkRange('number of samples', count, 1, gradients.length);
  checkGradients(gradients, count, layers);
  const clipped = Float64Array.from(gradients);
  clipGradients(clipped, count, clipPercent);
  const quantised = quantiseGradients(clipped, count, layers);
  return solver === 'datainf' ? prepareDataInf(quantised) : { solver: 'dot', gradients: quantised };
}

/**
 * The influence of every sample on a query, given the gradient of the query's loss in doubles. The gradient is
 * quantised as those of the samples are; from there on all is exact integers.
 * @throws AttributionError 'ShapeMismatch' or 'InvalidNumber'.
 */
export function scores(metric: Metric, queryGradient: Float64Array): InfluenceScores {
  if (queryGradient.length !== metric.gradients.dimensions)
    throw new AttributionError(
      'ShapeMismatch',
      `The query's gradient has ${queryGradient.length} numbers, those of the samples have ${metric.gradients.dimensions}.`,
    );
  const query = quantiseGradients(queryGradient, 1, metric.gradients.layers);
  return weightedScores(metric.gradients, queryWeights(metric, query));
}

function queryWeights(metric: Metric, query: QuantisedGradients): QueryWeights {
  switch (metric.solver) {
    case 'newton':
      return newtonWeights(metric, query);
    case 'datainf':
      return dataInfWeights(metric, query);
    case 'dot':
      return { values: Float64Array.from(query.values), exponents: Array.from(query.exponents) };
  }
}

const DOMAIN = new TextEncoder().encode('OL/metric/v1');
const SOLVER_NUMBERS: Record<SolverName, number> = { newton: 1, datainf: 2, dot: 3 };

/**
 * What validators attest: keccak-256 of domain ‖ solver (1 byte) ‖ count, layers, exponents, the inverse's exponent
 * (4 bytes each) ‖ gradients (2 bytes each) ‖ inverse (4 bytes each), big-endian. What `datainf` derives from the
 * gradients is not hashed again.
 */
export function metricHash(metric: Metric): string {
  const { count, layers, values, exponents } = metric.gradients;
  const hash = keccak_256.create();
  hash.update(DOMAIN).update(Uint8Array.of(SOLVER_NUMBERS[metric.solver]));
  const inverseExponent = metric.solver === 'newton' ? metric.inverseExponent : 0;
  hash.update(bigEndian([count, layers.length, ...layers, inverseExponent], 4));
  hash.update(bigEndian(exponents, 4));
  for (let at = 0; at < values.length; at += HASH_PART)
    hash.update(bigEndian(values.subarray(at, at + HASH_PART), 2));
  if (metric.solver === 'newton')
    for (let at = 0; at < metric.inverse.length; at += HASH_PART)
      hash.update(bigEndian(metric.inverse.subarray(at, at + HASH_PART), 4));
  return toHex(hash.digest());
}

/** Numbers turned into bytes at a time, so that hashing a large metric needs no second copy of it. */
const HASH_PART = 65_536;

function bigEndian(numbers: ArrayLike<number>, width: 2 | 4): Uint8Array {
  const bytes = new Uint8Array(numbers.length * width);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < numbers.length; i++) {
    if (width === 2) view.setInt16(2 * i, numbers[i]!);
    else view.setInt32(4 * i, numbers[i]!);
  }
  return bytes;
}
