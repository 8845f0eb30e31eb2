import { keccak_256 } from '@noble/hashes/sha3.js';
import { toHex } from '../../credit/bytes.ts';
import { AttributionError } from '../../errors.ts';
import { checkRange } from '../check.ts';
import { metricHash, prepareFromGradients, scores } from '../solvers/metric.ts';
import type { InfluenceScores, KroneckerGradients, LabelledFeatures, Metric, SgdTraining } from '../types.ts';
import { denseGradients, layerSizes } from './curvature.ts';
import { modelGradients } from './kronecker.ts';
import { leaveOutSteps } from './leave-out.ts';
import { type Projection, principalProjection, project, projectionHash } from './projection.ts';
import type { TokenRecords, TrainedModel } from './types.ts';

/** How the influence on a model is measured. Every number is an integer, so that a registration can carry it. */
export interface ModelMetricOptions {
  readonly solver: 'newton' | 'datainf' | 'dot';
  /** Added to the curvature: the regularisation of a model at its optimum, `descentDamping` of one that is not. */
  readonly dampingMicro: number;
  /** 1: `newton` takes away what a sample itself brought to the curvature. 0: the plain influence function. */
  readonly correctsLeverage: 0 | 1;
  /** Directions in which the first layer's inputs are kept, 0: all of them. */
  readonly projectedWidth: number;
  /** Rows are clipped at this percentile of their lengths, 1 to 100 (100: not at all). */
  readonly clipPercent: number;
}

/** A metric of a model of any kind; what its projection is belongs to it. */
export interface ModelMetric {
  readonly solver: ModelMetricOptions['solver'];
  readonly projection: Projection | undefined;
  /** For `newton` its rows are the steps of the parameters, so that a score is their product with a gradient. */
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
  const { solver, dampingMicro, correctsLeverage, projectedWidth, clipPercent } = options;
  checkRange('correctsLeverage', correctsLeverage, 0, 1);
  const all = modelGradients(model, data, solver === 'newton' ? 0 : 'none');
  checkRange('projectedWidth', projectedWidth, 0, all.layers[0]!.inputWidth);
  const projection = projectedWidth === 0 ? undefined : principalProjection(all, projectedWidth);
  const gradients = within(all, projection);
  const count = gradients.starts.length - 1;
  const sizes = layerSizes(gradients);
  if (solver !== 'newton') {
    const rows = prepareFromGradients(denseGradients(gradients), count, sizes, solver, clipPercent);
    return { solver, projection, rows };
  }
  checkRange('dampingMicro', dampingMicro, 1, 1_000_000_000_000);
  const steps = leaveOutSteps(gradients, dampingMicro / 1e6, correctsLeverage === 1);
  return { solver, projection, rows: prepareFromGradients(steps, count, sizes, 'dot', clipPercent) };
}

/**
 * The influence of every sample on one query: an answer of a classifier, or a text of a next-token head.
 * @throws AttributionError 'ShapeMismatch' unless the query is one sample; as modelGradients.
 */
export function modelScores(
  metric: ModelMetric,
  model: TrainedModel,
  query: LabelledFeatures | TokenRecords,
): InfluenceScores {
  const gradients = within(modelGradients(model, query, 'none'), metric.projection);
  if (gradients.starts.length !== 2)
    throw new AttributionError('ShapeMismatch', `A query is one sample, not ${gradients.starts.length - 1}.`);
  return scores(metric.rows, denseGradients(gradients));
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
const SOLVER_NUMBERS = { newton: 1, datainf: 2, dot: 3 } as const;

/** What validators attest: keccak-256 of (domain ‖ solver (1 byte) ‖ hash of the rows ‖ hash of the projection, if any). */
export function modelMetricHash(metric: ModelMetric): string {
  const hash = keccak_256.create().update(DOMAIN).update(Uint8Array.of(SOLVER_NUMBERS[metric.solver]));
  hash.update(new TextEncoder().encode(metricHash(metric.rows)));
  if (metric.projection !== undefined)
    hash.update(new TextEncoder().encode(projectionHash(metric.projection)));
  return toHex(hash.digest());
}

function within(gradients: KroneckerGradients, projection: Projection | undefined): KroneckerGradients {
  return projection === undefined ? gradients : project(gradients, projection);
}
