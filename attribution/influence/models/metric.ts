import { keccak_256 } from '@noble/hashes/sha3.js';
import { hexToBytes } from '@noble/hashes/utils.js';
import { toHex } from '../../credit/bytes.ts';
import { checkRange } from '../check.ts';
import { MAX_CURVATURE_SAMPLES } from '../limits.ts';
import { prepareDataInf } from '../solvers/datainf.ts';
import { kroneckerRows } from '../solvers/kronecker.ts';
import { metricHash, prepareFromFactors, scoresOfMany } from '../solvers/metric.ts';
import { buildStore, rowsOf } from '../solvers/store.ts';
import type {
  InfluenceScores,
  KroneckerGradients,
  LabelledFeatures,
  Metric,
  SgdTraining,
  SolverName,
} from '../types.ts';
import { denseGradients, layerSizes } from './curvature.ts';
import { modelGradients } from './kronecker.ts';
import { leaveOutSteps } from './leave-out.ts';
import { type Projection, principalProjection, project, projectionHash } from './projection.ts';
import type { TokenRecords, TrainedModel } from './types.ts';

/** How the influence on a model is measured. Every number is an integer, so that a registration can carry it. */
export interface ModelMetricOptions {
  readonly solver: SolverName;
  /**
   * Added to the curvature of `newton` and `ekfac`: the regularisation of a model at its optimum, `descentDamping` of
   * one that is not. For `ekfac` 0 stands for a tenth of each layer's mean curvature.
   */
  readonly dampingMicro: number;
  /** Answers that the curvature is made of at each position: 0 takes every class (exact), k draws k of them. */
  readonly draws: number;
  /** 1: `newton` takes away what a sample itself brought to the curvature. 0: the plain influence function. */
  readonly correctsLeverage: 0 | 1;
  /** Directions in which the first layer's inputs are kept, 0: all of them. */
  readonly projectedWidth: number;
  /** Rows are clipped at this percentile of their lengths, 1 to 100 (100: not at all). */
  readonly clipPercent: number;
}

/** A metric of a model of any kind; what its projection is belongs to it. */
export interface ModelMetric {
  readonly projection: Projection | undefined;
  /** For `newton` the rows are the steps of the parameters. */
  readonly rows: Metric;
}

/**
 * Prepares what every query needs. Cost of `newton`: positions·D² for the curvature of D parameters, D³ for its
 * inverse, n·D² (times the steps of the correction) for the samples.
 * @throws AttributionError 'InvalidParameter', 'InvalidNumber', 'ShapeMismatch', 'ProblemTooLarge', 'NotConverged'.
 */
export function prepareModel(
  model: TrainedModel,
  data: LabelledFeatures | TokenRecords,
  options: ModelMetricOptions,
): ModelMetric {
  const { solver, dampingMicro, draws, correctsLeverage, projectedWidth, clipPercent } = options;
  checkRange('correctsLeverage', correctsLeverage, 0, 1);
  checkRange('draws', draws, 0, MAX_CURVATURE_SAMPLES);
  const curved = solver === 'newton' || solver === 'ekfac';
  const all = modelGradients(model, data, curved ? draws : 'none');
  checkRange('projectedWidth', projectedWidth, 0, all.layers[0]!.inputWidth);
  const projection = projectedWidth === 0 ? undefined : principalProjection(all, projectedWidth);
  const gradients = within(all, projection);
  switch (solver) {
    case 'newton': {
      checkRange('dampingMicro', dampingMicro, 1, 1_000_000_000_000);
      const steps = leaveOutSteps(gradients, dampingMicro / 1e6, correctsLeverage === 1);
      const rows = rowsOf(steps, gradients.starts.length - 1, layerSizes(gradients));
      return { projection, rows: { solver, gradients: buildStore(rows, clipPercent) } };
    }
    case 'ekfac':
      return { projection, rows: prepareFromFactors(gradients, dampingMicro, clipPercent) };
    case 'datainf':
      return { projection, rows: prepareDataInf(buildStore(kroneckerRows(gradients), clipPercent)) };
    case 'dot':
      return { projection, rows: { solver, gradients: buildStore(kroneckerRows(gradients), clipPercent) } };
  }
}

/**
 * The influence of every sample on each query: an answer of a classifier, or a text of a next-token head. The query's
 * loss is taken as linear in the parameters.
 * @throws AttributionError 'ShapeMismatch' if the query does not fit the metric; as modelGradients.
 */
export function modelScores(
  metric: ModelMetric,
  model: TrainedModel,
  queries: LabelledFeatures | TokenRecords,
): InfluenceScores[] {
  const gradients = within(modelGradients(model, queries, 'none'), metric.projection);
  const rows = denseGradients(gradients);
  const count = gradients.starts.length - 1;
  const size = rows.length / count;
  return scoresOfMany(
    metric.rows,
    Array.from({ length: count }, (_, q) => rows.subarray(q * size, (q + 1) * size)),
  );
}

/**
 * Damping for a model that descent left before its optimum. T steps of rate η along a direction of curvature h (a mean
 * over the samples) reach 1 − (1 − ηh)ᵀ of the way, much as the optimum with an added 1/(ηT) would; over n samples the
 * sum's damping is n/(ηT). Rounded down to whole micro-units, at least one.
 */
export function descentDamping(
  count: number,
  options: Pick<SgdTraining, 'l2Micro' | 'learningRateMicro' | 'epochs' | 'batchSize'>,
): number {
  const steps = options.epochs * Math.ceil(count / options.batchSize);
  const rate = options.learningRateMicro / 1e6;
  return Math.max(1, Math.floor((count / (rate * steps)) * 1e6) + options.l2Micro);
}

const DOMAIN = new TextEncoder().encode('OL/model-metric/v1');
/** What validators attest: keccak-256 of (domain ‖ `metricHash` of the rows ‖ `projectionHash`, if there is one). */
export function modelMetricHash({ rows, projection }: ModelMetric): string {
  const hash = keccak_256
    .create()
    .update(DOMAIN)
    .update(hexToBytes(metricHash(rows).slice(2)));
  if (projection !== undefined) hash.update(hexToBytes(projectionHash(projection).slice(2)));
  return toHex(hash.digest());
}

function within(gradients: KroneckerGradients, projection: Projection | undefined): KroneckerGradients {
  return projection === undefined ? gradients : project(gradients, projection);
}
