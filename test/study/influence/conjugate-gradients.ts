import type { LabelledFeatures } from '../../../attribution/influence/types.ts';
import { softmaxOf } from '../../unit/attribution/influence/oracle.ts';

/** Residuals p − y and probabilities of every sample, samples × classes. */
interface Residuals {
  readonly probabilities: Float64Array;
  readonly residuals: Float64Array;
}

/**
 * The influence function of a softmax head by conjugate gradients in doubles, written with none of the engine's code:
 * x with (H + damping)·x = v, H the mean Hessian of the samples, stopped after `iterations` steps; the score of sample i
 * is x·gᵢ. One row a query.
 */
export function conjugateGradientScores(
  weights: Float64Array,
  training: LabelledFeatures,
  queries: LabelledFeatures,
  damping: number,
  iterations: number,
  progress: (text: string) => void,
): Float64Array[] {
  const trained = residualsOf(weights, training);
  const asked = residualsOf(weights, queries);
  const { width, classes } = training;
  const stride = width + 1;
  return Array.from(queries.labels, (_, q) => {
    if (q % 100 === 0) progress(`conjugate gradients of query ${q} of ${queries.labels.length}`);
    const v = new Float64Array(classes * stride);
    addOuter(asked.residuals, q * classes, queries, q, v);
    const solved = solve(v, damping, iterations, training, trained.probabilities);
    const logits = new Float64Array(classes);
    return Float64Array.from(training.labels, (_, i) => {
      logitsOf(solved, training, i, logits);
      let score = 0;
      for (let c = 0; c < classes; c++) score += trained.residuals[i * classes + c]! * logits[c]!;
      return score;
    });
  });
}

function residualsOf(weights: Float64Array, data: LabelledFeatures): Residuals {
  const { classes, labels } = data;
  const probabilities = new Float64Array(labels.length * classes);
  const logits = new Float64Array(classes);
  labels.forEach((_, i) => {
    logitsOf(weights, data, i, logits);
    probabilities.set(softmaxOf([...logits]), i * classes);
  });
  const residuals = Float64Array.from(probabilities);
  labels.forEach((label, i) => {
    residuals[i * classes + label]! -= 1;
  });
  return { probabilities, residuals };
}

function solve(
  v: Float64Array,
  damping: number,
  iterations: number,
  data: LabelledFeatures,
  probabilities: Float64Array,
): Float64Array {
  const x = new Float64Array(v.length);
  const rest = Float64Array.from(v);
  const direction = Float64Array.from(v);
  let squares = product(rest, rest);
  for (let step = 0; step < iterations && squares > 0; step++) {
    const image = hessianTimes(direction, damping, data, probabilities);
    const length = squares / product(direction, image);
    for (let j = 0; j < v.length; j++) {
      x[j]! += length * direction[j]!;
      rest[j]! -= length * image[j]!;
    }
    const next = product(rest, rest);
    for (let j = 0; j < v.length; j++) direction[j] = rest[j]! + (next / squares) * direction[j]!;
    squares = next;
  }
  return x;
}

function hessianTimes(
  v: Float64Array,
  damping: number,
  data: LabelledFeatures,
  probabilities: Float64Array,
): Float64Array {
  const { classes, labels } = data;
  const out = v.map((value) => damping * value);
  const logits = new Float64Array(classes);
  for (let i = 0; i < labels.length; i++) {
    logitsOf(v, data, i, logits);
    let mean = 0;
    for (let c = 0; c < classes; c++) mean += probabilities[i * classes + c]! * logits[c]!;
    for (let c = 0; c < classes; c++)
      logits[c] = (probabilities[i * classes + c]! * (logits[c]! - mean)) / labels.length;
    addOuter(logits, 0, data, i, out);
  }
  return out;
}

function logitsOf(weights: Float64Array, data: LabelledFeatures, i: number, out: Float64Array): void {
  const { width, features } = data;
  const x = i * width;
  for (let c = 0; c < out.length; c++) {
    const row = c * (width + 1);
    let even = weights[row + width]!;
    let odd = 0;
    for (let j = 0; j + 1 < width; j += 2) {
      even += weights[row + j]! * features[x + j]!;
      odd += weights[row + j + 1]! * features[x + j + 1]!;
    }
    if (width % 2 === 1) even += weights[row + width - 1]! * features[x + width - 1]!;
    out[c] = even + odd;
  }
}

/** Adds errors ⊗ (x, 1) of one sample. */
function addOuter(
  errors: Float64Array,
  at: number,
  data: LabelledFeatures,
  i: number,
  out: Float64Array,
): void {
  const { width, classes, features } = data;
  for (let c = 0; c < classes; c++) {
    const by = errors[at + c]!;
    const row = c * (width + 1);
    for (let j = 0; j < width; j++) out[row + j]! += by * features[i * width + j]!;
    out[row + width]! += by;
  }
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!;
  return sum;
}
