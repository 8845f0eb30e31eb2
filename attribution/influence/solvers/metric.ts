import { keccak_256 } from '@noble/hashes/sha3.js';
import { toHex } from '../../credit/bytes.ts';
import { AttributionError } from '../../errors.ts';
import { checkGradients, checkNumbers, checkRange } from '../check.ts';
import { MAX_GRADIENT } from '../limits.ts';
import type {
  Head,
  InfluenceScores,
  KroneckerGradients,
  LabelledFeatures,
  Metric,
  SolverName,
} from '../types.ts';
import { checkAnswer, lossChanges } from './answer-scores.ts';
import { commitStore } from './commitment.ts';
import { dataInfScores, prepareDataInf } from './datainf.ts';
import { ekfacScores, prepareEkfac } from './ekfac.ts';
import { headGradients, headRows } from './gradients.ts';
import { checkKronecker, headKronecker, kroneckerRows } from './kronecker.ts';
import { newtonParts } from './newton.ts';
import { quantiseRow } from './quantise.ts';
import { runHere, type Scanning, together } from './scan.ts';
import type { Arithmetic } from './shard.ts';
import { buildStore, rowsOf } from './store.ts';
import { weightedScores } from './weighted-scores.ts';

/** A trained head and what it was trained on. */
export interface TrainedSamples {
  readonly data: LabelledFeatures;
  readonly head: Head;
}

export interface PrepareOptions {
  readonly solver: SolverName;
  /** The regularisation that the head was trained with; `newton` and `ekfac` read it. */
  readonly l2Micro: number;
  /** Rows are clipped at this percentile of their lengths, 1 to 100 (100: not at all). */
  readonly clipPercent: number;
  /** Of the steps of `newton`; without it as `defaultRefinements` says. */
  readonly refinements?: number;
  /** Where scans are computed; never what they give. */
  readonly arithmetic?: Arithmetic;
}

/**
 * The metric of a head: what every query needs, in integers, equal on all nodes.
 * Cost: `newton` builds and inverts the Hessian and solves for each sample (about n·D² + D³ multiplications, D
 * parameters, and 2·n²·D for a refinement), `ekfac` takes eigenvectors of its factors, the others only take gradients.
 * @throws AttributionError 'InvalidParameter', 'InvalidNumber', 'ShapeMismatch', 'ProblemTooLarge', 'NotConverged'.
 */
export function prepare(samples: TrainedSamples, options: PrepareOptions): Metric {
  const { data, head } = samples;
  const { solver, l2Micro, clipPercent, arithmetic } = options;
  checkRange('clipPercent', clipPercent, 1, 100);
  switch (solver) {
    case 'newton': {
      checkRange('l2Micro', l2Micro, 1, 1_000_000_000_000);
      const { steps } = newtonParts(data, head, l2Micro / 1e6, options.refinements);
      const rows = rowsOf(steps, data.labels.length, new Array<number>(data.classes).fill(data.width + 1));
      return { solver, gradients: buildStore(rows, clipPercent, arithmetic) };
    }
    case 'ekfac':
      return prepareFromFactors(headKronecker(data, head), l2Micro, clipPercent, arithmetic);
    case 'datainf':
      return prepareDataInf(buildStore(headRows(data, head), clipPercent, arithmetic));
    case 'dot':
      return { solver, gradients: buildStore(headRows(data, head), clipPercent, arithmetic) };
  }
}

/**
 * The metric of any model whose gradients are given (count × Σ layers, row-major), such as an adapter of several
 * layers: `datainf` or `dot`.
 * @throws AttributionError 'InvalidParameter', 'InvalidNumber', 'ShapeMismatch', 'ProblemTooLarge'.
 */
export function prepareFromGradients(
  gradients: Float64Array,
  count: number,
  layers: readonly number[],
  solver: 'datainf' | 'dot',
  clipPercent: number,
  arithmetic?: Arithmetic,
): Metric {
  checkRange('number of samples', count, 1, gradients.length);
  checkGradients(gradients, count, layers);
  const quantised = buildStore(rowsOf(gradients, count, layers), clipPercent, arithmetic);
  return solver === 'datainf' ? prepareDataInf(quantised) : { solver, gradients: quantised };
}

/**
 * The `ekfac` metric of any model whose layers multiply, such as a low-rank adapter. Regularisation of 0 is replaced by
 * a tenth of the mean curvature of each layer.
 * @throws AttributionError 'InvalidParameter', 'InvalidNumber', 'ShapeMismatch', 'ProblemTooLarge', 'NotConverged'.
 */
export function prepareFromFactors(
  gradients: KroneckerGradients,
  l2Micro: number,
  clipPercent: number,
  arithmetic?: Arithmetic,
): Metric {
  checkKronecker(gradients);
  checkRange('l2Micro', l2Micro, 0, 1_000_000_000_000);
  const quantised = buildStore(kroneckerRows(gradients), clipPercent, arithmetic);
  return prepareEkfac(gradients, quantised, l2Micro / 1e6);
}

/**
 * The influence of every sample on a query, given the gradient of the query's loss in doubles, in which the loss is
 * taken as linear. The gradient is quantised as those of the samples are; from there on all is exact integers.
 * @throws AttributionError 'ShapeMismatch' or 'InvalidNumber'.
 */
export function scores(metric: Metric, queryGradient: Float64Array): InfluenceScores {
  return runHere(scoring(metric, queryGradient), metric.gradients.shards);
}

/**
 * `scores` of several queries; the samples are read once for all of them.
 * @throws AttributionError 'ShapeMismatch' or 'InvalidNumber'.
 */
export function scoresOfMany(metric: Metric, queryGradients: readonly Float64Array[]): InfluenceScores[] {
  return runHere(together(queryGradients.map((query) => scoring(metric, query))), metric.gradients.shards);
}

/** `scores` for whoever keeps the shards elsewhere: yields what to ask of them. */
export function* scoring(metric: Metric, queryGradient: Float64Array): Scanning<InfluenceScores> {
  const { dimensions, layers } = metric.gradients;
  if (queryGradient.length !== dimensions)
    throw new AttributionError(
      'ShapeMismatch',
      `The query's gradient has ${queryGradient.length} numbers, those of the samples have ${dimensions}.`,
    );
  checkNumbers("A number of the query's gradient", queryGradient, MAX_GRADIENT);
  const query = quantiseRow(queryGradient, layers);
  switch (metric.solver) {
    case 'newton':
    case 'dot':
      return yield* weightedScores(metric.gradients, {
        values: Float64Array.from(query.values),
        exponents: query.exponents,
      });
    case 'ekfac':
      return yield* ekfacScores(metric, query);
    case 'datainf':
      return yield* dataInfScores(metric, query);
  }
}

/**
 * The influence of every sample on what a head answered: one sample, its label the answer. `newton` gives the change
 * of the loss at the weights that it predicts, the others are linear in the gradient, as `scores`.
 * @throws AttributionError 'ShapeMismatch', 'InvalidNumber', 'InvalidParameter'.
 */
export function answerScores(metric: Metric, head: Head, answer: LabelledFeatures): InfluenceScores {
  return runHere(answerScoring(metric, head, answer), metric.gradients.shards);
}

/** `answerScores` for whoever keeps the shards elsewhere. */
export function* answerScoring(
  metric: Metric,
  head: Head,
  answer: LabelledFeatures,
): Scanning<InfluenceScores> {
  if (metric.solver === 'newton') return yield* lossChanges(metric, head, answer);
  checkAnswer(head, answer);
  return yield* scoring(metric, headGradients(answer, head));
}

const DOMAIN = new TextEncoder().encode('OL/metric/v2');
const SOLVER_NUMBERS: Record<SolverName, number> = { newton: 1, datainf: 2, dot: 3, ekfac: 4 };

/**
 * What validators attest: keccak-256 of domain ‖ solver (1 byte) ‖ count, number of layers, layers (4 bytes each) ‖
 * Merkle root of the store ‖ for `ekfac` and each layer: input width, error width, the three exponents, reciprocals
 * (4 bytes each), input vectors, error vectors (2 bytes each); all big-endian. What `datainf` derives from the
 * gradients is not hashed again.
 */
export function metricHash(metric: Metric): string {
  const { count, layers } = metric.gradients;
  const hash = keccak_256.create();
  hash.update(DOMAIN).update(Uint8Array.of(SOLVER_NUMBERS[metric.solver]));
  hash.update(bigEndian([count, layers.length, ...layers], 4));
  hash.update(commitStore(metric.gradients).root);
  if (metric.solver === 'ekfac')
    for (const { input, error, reciprocals, reciprocalExponent } of metric.factors) {
      const exponents = [input.exponent, error.exponent, reciprocalExponent];
      hash.update(bigEndian([input.width, error.width, ...exponents], 4));
      hash.update(bigEndian(reciprocals, 4));
      hash.update(bigEndian(input.vectors, 2)).update(bigEndian(error.vectors, 2));
    }
  return toHex(hash.digest());
}

function bigEndian(numbers: ArrayLike<number>, width: 2 | 4): Uint8Array {
  const bytes = new Uint8Array(numbers.length * width);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < numbers.length; i++) {
    if (width === 2) view.setInt16(2 * i, numbers[i]!);
    else view.setInt32(4 * i, numbers[i]!);
  }
  return bytes;
}
