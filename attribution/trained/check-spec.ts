import { AttributionError } from '../errors.ts';
import { checkRange, checkTraining } from '../influence/check.ts';
import { MAX_EXACT_PARAMETERS, MAX_FACTOR_WIDTH, MAX_RANK } from '../influence/limits.ts';
import { MAX_VECTOR } from '../retrieval/encoder/limits.ts';
import { MAX_INITIALIZERS, MAX_MODEL_BYTES, MAX_NODES, MAX_OPERATIONS } from '../runtime/limits.ts';
import { MAX_CLASSES, MAX_DIVISOR_EXPONENT, MAX_GRAPH_INPUT, MAX_LABEL_BYTES, MAX_WIDTH } from './limits.ts';
import type { GraphFeatures, MetricSpec, TrainingSpec } from './types.ts';

const encoder = new TextEncoder();

/**
 * Whether a spec keeps every rule that can be checked without its records.
 * @throws AttributionError 'InvalidTrainingSpec'.
 */
export function checkSpec(spec: TrainingSpec): void {
  try {
    const { features, classes, training } = spec;
    checkRange('width', features.width, 1, MAX_WIDTH);
    checkRange('exponent of the divisor', features.divisorExponent, 0, MAX_DIVISOR_EXPONENT);
    if (features.kind === 'text') checkRange('width', features.width, 1, MAX_VECTOR);
    if (features.kind === 'text') checkHash('hash of its encoder', features.encoderHash);
    if (features.kind === 'onnx') checkGraphFeatures(features);
    checkClasses(classes);
    if (training.method === 'adapter-sgd') {
      checkTraining({ ...training, method: 'sgd' });
      checkRange('initialScaleMicro', training.initialScaleMicro, 1, 1_000_000_000);
      checkRange('rank', training.rank, 1, MAX_RANK);
      checkRange('scaleMicro', training.scaleMicro, 1, 1_000_000_000);
      checkRange('trainsHead', training.trainsHead, 0, 0);
    } else checkTraining(training);
    checkMetric(spec.metric, spec);
  } catch (error) {
    if (error instanceof AttributionError && error.code === 'InvalidParameter')
      throw invalidSpec(error.message);
    throw error;
  }
}

function checkGraphFeatures(features: GraphFeatures): void {
  const { input, inputWidth, inputExponent, modelBytes, steps, parts } = features;
  if (input !== 'numbers' && input !== 'words') throw invalidSpec(`the input ${input} is unknown`);
  checkRange('inputWidth', inputWidth, 1, MAX_GRAPH_INPUT);
  checkRange('inputExponent', inputExponent, 0, input === 'words' ? 0 : MAX_DIVISOR_EXPONENT);
  checkHash('id of its contribution', features.contributionId);
  checkHash('root of its artifact', features.artifactRoot);
  checkHash('hash of its graph', features.modelHash);
  checkRange('modelBytes', modelBytes, 1, MAX_MODEL_BYTES);
  checkRange('steps', steps, 0, MAX_OPERATIONS);
  checkRange('parts', parts, 1, MAX_NODES + MAX_INITIALIZERS);
}

function checkHash(what: string, hash: string): void {
  if (!/^0x[0-9a-f]{64}$/.test(hash)) throw invalidSpec(`the ${what} is not 0x and 64 lower-case hex digits`);
}

function checkClasses(classes: readonly string[]): void {
  checkRange('number of classes', classes.length, 2, MAX_CLASSES);
  if (new Set(classes).size !== classes.length) throw invalidSpec('it names a class twice');
  for (const label of classes) {
    const bytes = encoder.encode(label);
    checkRange('length of a label in bytes', bytes.length, 1, MAX_LABEL_BYTES);
    if (bytes.some(isControl)) throw invalidSpec('a label has a control character');
    // What a lone half of a surrogate pair becomes in UTF-8 is another label.
    if (new TextDecoder().decode(bytes) !== label) throw invalidSpec('a label is not well-formed');
  }
}

function checkMetric({ solver, clipPercent, projectedWidth }: MetricSpec, spec: TrainingSpec): void {
  if (solver !== 'newton' && solver !== 'ekfac' && solver !== 'datainf')
    throw invalidSpec(`the solver ${solver} is unknown`);
  checkRange('clipPercent', clipPercent, 1, 100);
  const isOptimal = spec.training.method === 'newton';
  checkRange('projectedWidth', projectedWidth, 0, isOptimal ? 0 : firstInputs(spec));
  const parameters = dimensionsOf(spec);
  // Newton's method and the newton metric invert a matrix of this size.
  if (isOptimal) checkRange('number of parameters', modelParameters(spec), 1, MAX_EXACT_PARAMETERS);
  if (solver === 'newton') checkRange('number of parameters', parameters, 1, MAX_EXACT_PARAMETERS);
  checkRange('width of a layer', firstInputs(spec), 1, MAX_FACTOR_WIDTH);
}

/** Inputs of the first layer: (x, 1) of a head, x of an adapter. */
function firstInputs({ features, training }: TrainingSpec): number {
  return training.method === 'adapter-sgd' ? features.width : features.width + 1;
}

/** Numbers of one row of the metric. */
export function dimensionsOf(spec: TrainingSpec): number {
  const { training, classes, metric } = spec;
  const inputs = metric.projectedWidth === 0 ? firstInputs(spec) : metric.projectedWidth;
  return training.method === 'adapter-sgd'
    ? training.rank * (inputs + classes.length)
    : inputs * classes.length;
}

/** Layers that a row of the metric is cut into: classes for steps of a head, A and B of an adapter. */
export function layersOf({ training, classes, metric }: TrainingSpec): number {
  if (training.method === 'adapter-sgd') return 2;
  return training.method === 'newton' && metric.solver === 'newton' ? classes.length : 1;
}

/** Multiplications of one sample's way through the model: its parameters, and those of what an adapter rests on. */
export function modelParameters({ features, training, classes }: TrainingSpec): number {
  const head = classes.length * (features.width + 1);
  return training.method === 'adapter-sgd' ? head + training.rank * (features.width + classes.length) : head;
}

/** What one answer costs beside its samples, in multiplications. */
export interface AnswerCost {
  /** Of the prompt's way through the model, and of its projection. */
  readonly forward: number;
  /** Of turning the query into the bases of the layers' factors and back. */
  readonly turns: number;
  /** What counts of the graph that the prompt goes through first. */
  readonly graph?: Pick<GraphFeatures, 'modelBytes' | 'steps' | 'parts'>;
}

export function answerCostOf(spec: TrainingSpec): AnswerCost {
  const { training, classes, metric } = spec;
  const inputs = metric.projectedWidth === 0 ? firstInputs(spec) : metric.projectedWidth;
  const factors =
    training.method === 'adapter-sgd'
      ? [
          [inputs, training.rank],
          [training.rank, classes.length],
        ]
      : [[inputs, classes.length]];
  const turns = factors.reduce((sum, [a, b]) => sum + 2 * a! * b! * (a! + b!), 0);
  const forward = modelParameters(spec) + metric.projectedWidth * firstInputs(spec);
  return { forward, turns, ...graphOf(spec) };
}

function graphOf({ features }: TrainingSpec): Pick<AnswerCost, 'graph'> {
  if (features.kind !== 'onnx') return {};
  const { modelBytes, steps, parts } = features;
  return { graph: { modelBytes, steps, parts } };
}

function isControl(byte: number): boolean {
  return byte < 0x20 || byte === 0x7f;
}

export function invalidSpec(reason: string): AttributionError {
  return new AttributionError('InvalidTrainingSpec', `This is no training spec: ${reason}`);
}
