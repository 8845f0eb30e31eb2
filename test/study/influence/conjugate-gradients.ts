import type { LabelledFeatures } from '../../../attribution/influence/types.ts';
import { softmaxOf } from '../../unit/attribution/influence/oracle.ts';

/**
 * Samples as (base, …, base, 1) and what differs from it: most pixels of an image have the value of the background.
 * Vectors over the weights are kept feature by feature, all classes of a feature side by side.
 */
interface SparseSamples {
  readonly count: number;
  readonly width: number;
  readonly classes: number;
  readonly labels: Int32Array;
  readonly base: number;
  /** Entries of sample i are starts[i] … starts[i+1] − 1: a feature, and its value less the base. */
  readonly starts: Int32Array;
  readonly features: Int32Array;
  readonly values: Float64Array;
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
  const trained = sparse(training);
  const asked = sparse(queries);
  const turned = byFeature(weights, trained);
  const p = probabilitiesOf(turned, trained);
  const q = probabilitiesOf(turned, asked);
  return Array.from(queries.labels, (label, query) => {
    if (query % 100 === 0) progress(`conjugate gradients of query ${query} of ${asked.count}`);
    const residual = q.slice(query * asked.classes, (query + 1) * asked.classes);
    residual[label]! -= 1;
    const v = new Float64Array(weights.length);
    const shared = new Float64Array(asked.classes);
    addOuter(residual, asked, query, v, shared);
    spread(shared, asked, v);
    const solved = solve(v, damping, iterations, trained, p);
    const background = backgroundOf(solved, trained);
    const logits = new Float64Array(trained.classes);
    return Float64Array.from(training.labels, (own, i) => {
      logitsOf(solved, background, trained, i, logits);
      let score = -logits[own]!;
      for (let c = 0; c < trained.classes; c++) score += p[i * trained.classes + c]! * logits[c]!;
      return score;
    });
  });
}

function sparse({ features, labels, width, classes }: LabelledFeatures): SparseSamples {
  const base = features.reduce((least, x) => Math.min(least, x), Number.POSITIVE_INFINITY);
  const count = labels.length;
  const starts = new Int32Array(count + 1);
  const places: number[] = [];
  const values: number[] = [];
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < width; j++) {
      const value = features[i * width + j]!;
      if (value !== base) {
        places.push(j);
        values.push(value - base);
      }
    }
    starts[i + 1] = places.length;
  }
  return {
    count,
    width,
    classes,
    labels,
    base,
    starts,
    features: Int32Array.from(places),
    values: Float64Array.from(values),
  };
}

/** Weights class by class turned to feature by feature. */
function byFeature(weights: Float64Array, { width, classes }: SparseSamples): Float64Array {
  return weights.map((_, at) => weights[(at % classes) * (width + 1) + Math.floor(at / classes)]!);
}

function probabilitiesOf(weights: Float64Array, data: SparseSamples): Float64Array {
  const background = backgroundOf(weights, data);
  const logits = new Float64Array(data.classes);
  const all = new Float64Array(data.count * data.classes);
  for (let i = 0; i < data.count; i++) {
    logitsOf(weights, background, data, i, logits);
    all.set(softmaxOf([...logits]), i * data.classes);
  }
  return all;
}

function solve(
  v: Float64Array,
  damping: number,
  iterations: number,
  data: SparseSamples,
  p: Float64Array,
): Float64Array {
  const x = new Float64Array(v.length);
  const rest = Float64Array.from(v);
  const direction = Float64Array.from(v);
  let squares = product(rest, rest);
  for (let step = 0; step < iterations && squares > 0; step++) {
    const image = hessianTimes(direction, damping, data, p);
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

function hessianTimes(v: Float64Array, damping: number, data: SparseSamples, p: Float64Array): Float64Array {
  const { count, classes } = data;
  const out = v.map((value) => damping * value);
  const background = backgroundOf(v, data);
  const shared = new Float64Array(classes);
  const logits = new Float64Array(classes);
  for (let i = 0; i < count; i++) {
    logitsOf(v, background, data, i, logits);
    let mean = 0;
    for (let c = 0; c < classes; c++) mean += p[i * classes + c]! * logits[c]!;
    for (let c = 0; c < classes; c++) logits[c] = (p[i * classes + c]! * (logits[c]! - mean)) / count;
    addOuter(logits, data, i, out, shared);
  }
  spread(shared, data, out);
  return out;
}

/** What every sample shares: base·Σ of a class's weights, and its bias. */
function backgroundOf(weights: Float64Array, { width, classes, base }: SparseSamples): Float64Array {
  const sums = new Float64Array(classes);
  for (let j = 0; j < width; j++)
    for (let c = 0; c < classes; c++) sums[c]! += base * weights[j * classes + c]!;
  for (let c = 0; c < classes; c++) sums[c]! += weights[width * classes + c]!;
  return sums;
}

function logitsOf(
  weights: Float64Array,
  background: Float64Array,
  { classes, starts, features, values }: SparseSamples,
  i: number,
  out: Float64Array,
): void {
  out.set(background);
  for (let at = starts[i]!; at < starts[i + 1]!; at++) {
    const value = values[at]!;
    const row = features[at]! * classes;
    for (let c = 0; c < classes; c++) out[c]! += value * weights[row + c]!;
  }
}

/** Adds errors ⊗ what differs from the base; the errors themselves are summed in `shared`. */
function addOuter(
  errors: Float64Array,
  { classes, starts, features, values }: SparseSamples,
  i: number,
  out: Float64Array,
  shared: Float64Array,
): void {
  for (let c = 0; c < classes; c++) shared[c]! += errors[c]!;
  for (let at = starts[i]!; at < starts[i + 1]!; at++) {
    const value = values[at]!;
    const row = features[at]! * classes;
    for (let c = 0; c < classes; c++) out[row + c]! += value * errors[c]!;
  }
}

/** Adds the summed errors ⊗ (base, …, base, 1). */
function spread(shared: Float64Array, { width, classes, base }: SparseSamples, out: Float64Array): void {
  for (let j = 0; j <= width; j++)
    for (let c = 0; c < classes; c++) out[j * classes + c]! += (j < width ? base : 1) * shared[c]!;
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!;
  return sum;
}
