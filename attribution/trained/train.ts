import type { CorpusRecord } from '../corpus/corpus.ts';
import { AttributionError } from '../errors.ts';
import {
  descentDamping,
  type FrozenPart,
  type LabelledFeatures,
  metricHash,
  modelHash,
  modelMetricHash,
  prepare,
  prepareModel,
  type QuantisedGradients,
  type TrainedModel,
  trainModel,
} from '../influence/api.ts';
import { checkSpec } from './check-spec.ts';
import type { FeatureMakers } from './features.ts';
import { MAX_WEIGHT, MIN_SAMPLES } from './limits.ts';
import { readSamples } from './samples.ts';
import { fitsParent, trainedKindOf } from './spec-bytes.ts';
import type { Trained, TrainedMetric, TrainingFailure, TrainingObject, TrainingSpec } from './types.ts';
import { checkTrainingCost } from './work.ts';

export interface TrainingInput extends FeatureMakers {
  readonly spec: TrainingSpec;
  /** Accepted records in the order of the pins, then of approval. */
  readonly records: Iterable<CorpusRecord>;
  /** Of a base, what it gave; an adapter needs it. */
  readonly parent?: { readonly spec: TrainingSpec; readonly model: TrainedModel };
  /** What the registration claims that `modelHash` will be. */
  readonly claimedHash?: string;
}

export interface TrainingResult {
  readonly object: TrainingObject;
  /** Undefined if it failed. */
  readonly trained: Trained | undefined;
}

/**
 * Trains what a registration describes and prepares its metric. The result is a function of the arguments: whatever
 * the engine refuses becomes a failed object, the same on every node. What else is thrown is of this machine.
 * @throws AttributionError 'InvalidTrainingSpec' for a spec that no registration has.
 */
export function trainRegistered(input: TrainingInput): TrainingResult {
  checkSpec(input.spec);
  try {
    return trainOrRefuse(input);
  } catch (error) {
    if (!(error instanceof AttributionError)) throw error;
    return failed(failureOf(error));
  }
}

function trainOrRefuse(input: TrainingInput): TrainingResult {
  const { spec, records, parent, encoder, graph, claimedHash } = input;
  if (spec.features.kind === 'onnx' && graph?.kind === 'refused') return failed(graph.failure);
  if (spec.features.kind === 'text') {
    const { encoderHash, width } = spec.features;
    if (encoder?.hash !== encoderHash || width > encoder.width) return failed('UnknownEncoder');
  }
  const isAdapter = trainedKindOf(spec) === 'adapter';
  const frozen = parent === undefined ? undefined : frozenPart(parent.model);
  if (isAdapter && (parent === undefined || frozen === undefined || !fitsParent(spec, parent.spec)))
    return failed('ParentMismatch');
  const { data, payees, passedOver } = readSamples(spec, records, input);
  const samples = data.labels.length;
  if (samples < MIN_SAMPLES) return failed('TooFewSamples');
  if (new Set(data.labels).size < data.classes) return failed('ClassWithoutSamples');
  checkTrainingCost(spec, samples);
  const model = trainData(spec, data, frozen);
  if (!weightsOf(model).every((weights) => weights.every((weight) => Math.abs(weight) <= MAX_WEIGHT)))
    return failed('NotConverged');
  const hash = modelHash(model);
  // Before the metric, which may take long.
  if (claimedHash !== undefined && claimedHash !== hash) return failed('HashMismatch');
  const metric = prepareMetric(spec, data, model);
  const hashes = { modelHash: hash, metricHash: trainedMetricHash(metric) };
  const trained: Trained = { model, metric, payees, passedOver, ...hashes };
  return { object: objectOf(trained), trained };
}

/** What validators attest of a model that was trained before; `claimedHash` as in TrainingInput. */
export function objectOf(trained: Trained, claimedHash?: string): TrainingObject {
  const { modelHash, metricHash, metric, passedOver } = trained;
  if (claimedHash !== undefined && claimedHash !== modelHash)
    return { outcome: 'failed', failure: 'HashMismatch' };
  const { count, dimensions, layers } = gradientsOf(metric);
  const sizes = { samples: count, passedOver, dimensions, layers: layers.length };
  return { outcome: 'trained', modelHash, metricHash, ...sizes };
}

function failed(failure: TrainingFailure): TrainingResult {
  return { object: { outcome: 'failed', failure }, trained: undefined };
}

function failureOf({ code }: AttributionError): TrainingFailure {
  if (code === 'ProblemTooLarge' || code === 'NotConverged') return code;
  // Weights of descent that ran away.
  if (code === 'InvalidNumber') return 'NotConverged';
  return 'Refused';
}

/** A trained head as what an adapter rests on; undefined for another model. */
function frozenPart(model: TrainedModel): FrozenPart | undefined {
  if (model.kind !== 'head') return undefined;
  const { width, classes, weights } = model.head;
  return { kind: 'linear', width, classes, weights };
}

function trainData(
  { training }: TrainingSpec,
  data: LabelledFeatures,
  frozen: FrozenPart | undefined,
): TrainedModel {
  if (training.method !== 'adapter-sgd') return trainModel({ kind: 'head', data, options: training });
  if (frozen === undefined) throw new Error('an adapter is trained on a frozen part');
  return trainModel({ kind: 'adapter', data, frozen, options: training });
}

function prepareMetric(spec: TrainingSpec, data: LabelledFeatures, model: TrainedModel): TrainedMetric {
  const { training, metric } = spec;
  if (training.method === 'newton' && model.kind === 'head') {
    const { solver, clipPercent } = metric;
    const options = { solver, clipPercent, l2Micro: training.l2Micro };
    return { kind: 'optimum', metric: prepare({ data, head: model.head }, options) };
  }
  if (training.method === 'newton') throw new Error('only heads are trained to their optimum');
  const options = {
    ...metric,
    dampingMicro: descentDamping(data.labels.length, training),
    draws: 0,
    correctsLeverage: 1 as const,
  };
  return { kind: 'descent', metric: prepareModel(model, data, options) };
}

/** The rows of a metric. */
export function gradientsOf(metric: TrainedMetric): QuantisedGradients {
  return metric.kind === 'optimum' ? metric.metric.gradients : metric.metric.rows.gradients;
}

/** What validators attest of a metric: `metricHash` of one at the optimum, `modelMetricHash` of another. */
function trainedMetricHash(metric: TrainedMetric): string {
  return metric.kind === 'optimum' ? metricHash(metric.metric) : modelMetricHash(metric.metric);
}

function weightsOf(model: TrainedModel): Float64Array[] {
  if (model.kind !== 'adapter') return [model.head.weights];
  return [model.adapter.down, model.adapter.up, model.adapter.head];
}
