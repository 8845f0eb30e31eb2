/**
 * What the influence engine is judged by, written again with the platform's own functions and none of the engine's
 * code: true leave-one-out by training again, DataInf in doubles, and the data sets.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readRow } from '../../../../attribution/influence/solvers/store.ts';
import type { Head, LabelledFeatures, QuantisedGradients } from '../../../../attribution/influence/types.ts';

/** From the project's root, where every command runs, compiled or not. */
const DATA = process.env['OPENLEDGER_VECTORS'] ?? join('..', 'shared', 'vectors');

/** A deterministic stream of numbers in [0, 1) (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Overlapping clouds, one a class, with a tenth of the labels wrong. */
export function clouds(count: number, width: number, classes: number, seed: number): LabelledFeatures {
  const next = random(seed);
  const centres = Array.from({ length: classes * width }, () => 2 * next() - 1);
  const labels = new Int32Array(count);
  const features = new Float64Array(count * width);
  for (let i = 0; i < count; i++) {
    const cloud = Math.floor(next() * classes);
    labels[i] = next() < 0.1 ? Math.floor(next() * classes) : cloud;
    for (let j = 0; j < width; j++)
      features[i * width + j] = centres[cloud * width + j]! + 2 * (next() + next() + next() - 1.5);
  }
  return { features, labels, width, classes };
}

export type DataSetName = 'digits' | 'breast cancer';

/** Rows of features and labels, features scaled to about 1, in an order drawn from a fixed seed; or undefined. */
export function loadDataSet(name: DataSetName): LabelledFeatures | undefined {
  const path = `${DATA}/data/${name === 'digits' ? 'digits.csv.gz' : 'breast_cancer.csv'}`;
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  const text = (name === 'digits' ? gunzipSync(bytes) : bytes).toString('utf8');
  const lines = text
    .trim()
    .split('\n')
    .slice(name === 'digits' ? 0 : 1);
  const rows = lines.map((line) => line.split(',').map(Number));
  const next = random(7);
  for (let i = rows.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [rows[i], rows[j]] = [rows[j]!, rows[i]!];
  }
  const width = rows[0]!.length - 1;
  const columns = Array.from({ length: width }, (_, j) => {
    if (name === 'digits') return { mean: 0, scale: 16 };
    const column = rows.map((row) => row[j]!);
    const mean = column.reduce((a, b) => a + b, 0) / column.length;
    return { mean, scale: Math.sqrt(column.reduce((a, b) => a + (b - mean) ** 2, 0) / column.length) };
  });
  return {
    features: Float64Array.from(
      rows.flatMap((row) => columns.map(({ mean, scale }, j) => (row[j]! - mean) / scale)),
    ),
    labels: Int32Array.from(rows, (row) => row[width]!),
    width,
    classes: name === 'digits' ? 10 : 2,
  };
}

/** Samples `from` to `to` of a data set. */
export function slice(data: LabelledFeatures, from: number, to: number): LabelledFeatures {
  return {
    ...data,
    features: data.features.slice(from * data.width, to * data.width),
    labels: data.labels.slice(from, to),
  };
}

function logitsOf(weights: Float64Array, data: LabelledFeatures, i: number): number[] {
  const { width, classes, features } = data;
  return Array.from({ length: classes }, (_, c) => {
    let sum = weights[c * (width + 1) + width]!;
    for (let j = 0; j < width; j++) sum += weights[c * (width + 1) + j]! * features[i * width + j]!;
    return sum;
  });
}

function probabilities(weights: Float64Array, data: LabelledFeatures, i: number): number[] {
  return softmaxOf(logitsOf(weights, data, i));
}

export function softmaxOf(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** The loss of sample i, precise also where it is close to 0. */
export function loss(weights: Float64Array, data: LabelledFeatures, i: number): number {
  const logits = logitsOf(weights, data, i);
  const label = data.labels[i]!;
  return Math.log1p(logits.reduce((sum, z, c) => sum + (c === label ? 0 : Math.exp(z - logits[label]!)), 0));
}

/** The gradient of Σ loss + l2/2·|θ|² without sample `left` (−1: with all). */
export function gradientWithout(
  weights: Float64Array,
  data: LabelledFeatures,
  l2: number,
  left: number,
): Float64Array {
  const { width, features, labels } = data;
  const gradient = weights.map((weight) => l2 * weight);
  for (let i = 0; i < labels.length; i++) {
    if (i === left) continue;
    probabilities(weights, data, i).forEach((p, c) => {
      const residual = p - (labels[i] === c ? 1 : 0);
      const row = c * (width + 1);
      for (let j = 0; j < width; j++) gradient[row + j]! += residual * features[i * width + j]!;
      gradient[row + width]! += residual;
    });
  }
  return gradient;
}

/**
 * The weights without sample `left`: the optimum is unique, so any method that ends at a gradient of zero is right.
 * Steps are preconditioned by a matrix (the inverse Hessian with all samples); the gradient is the judge.
 */
export function retrainWithout(
  data: LabelledFeatures,
  head: Head,
  preconditioner: Float64Array,
  l2: number,
  left: number,
): Float64Array {
  const weights = Float64Array.from(head.weights);
  const size = weights.length;
  for (let step = 0; step < 400; step++) {
    const gradient = gradientWithout(weights, data, l2, left);
    if (gradient.every((component) => Math.abs(component) < 1e-8)) return weights;
    for (let a = 0; a < size; a++) {
      let move = 0;
      for (let b = 0; b < size; b++) move += preconditioner[a * size + b]! * gradient[b]!;
      weights[a]! -= move;
    }
  }
  throw new Error(`training without sample ${left} did not end`);
}

/** Pearson's correlation. */
export function correlation(a: readonly number[], b: readonly number[]): number {
  const meanA = a.reduce((x, y) => x + y, 0) / a.length;
  const meanB = b.reduce((x, y) => x + y, 0) / b.length;
  let ab = 0;
  let aa = 0;
  let bb = 0;
  a.forEach((value, i) => {
    ab += (value - meanA) * (b[i]! - meanB);
    aa += (value - meanA) ** 2;
    bb += (b[i]! - meanB) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

/** Each value's place in increasing order. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const places = new Array<number>(values.length);
  order.forEach((i, place) => {
    places[i] = place;
  });
  return places;
}

/** 0 … count − 1 in an order drawn from the seed. */
export function shuffledIndices(count: number, seed: number): number[] {
  const next = random(seed);
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** DataInf as published, in doubles, with the sign turned (positive is helpful). */
export function dataInfInDoubles(
  gradients: Float64Array,
  count: number,
  layers: readonly number[],
  query: Float64Array,
): number[] {
  const size = layers.reduce((a, b) => a + b, 0);
  const scores = new Array<number>(count).fill(0);
  let start = 0;
  for (const length of layers) {
    const row = (i: number) => gradients.subarray(i * size + start, i * size + start + length);
    const v = query.subarray(start, start + length);
    const product = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, j) => sum + x * b[j]!, 0);
    const norms = Array.from({ length: count }, (_, i) => product(row(i), row(i)));
    const lambda = (0.1 * norms.reduce((a, b) => a + b, 0)) / (count * length);
    const r = Float64Array.from(v);
    for (let i = 0; i < count; i++) {
      const by = product(v, row(i)) / (lambda + norms[i]!) / count;
      row(i).forEach((x, j) => {
        r[j]! -= by * x;
      });
    }
    for (let k = 0; k < count; k++) scores[k]! += product(r, row(k)) / lambda;
    start += length;
  }
  return scores;
}

/** Scores as doubles, for comparisons only. */
export function asNumbers(scores: { values: readonly bigint[]; exponent: number }): number[] {
  return scores.values.map((value) => Number(value) * 2 ** scores.exponent);
}

/** The quantised rows as the doubles that they stand for. */
export function dequantised(gradients: QuantisedGradients): Float64Array {
  const { count, layers, dimensions, exponents } = gradients;
  const out = new Float64Array(count * dimensions);
  for (let i = 0; i < count; i++) {
    const row = readRow(gradients, i);
    let j = 0;
    layers.forEach((length, layer) => {
      const scale = 2 ** exponents[i * layers.length + layer]!;
      for (const end = j + length; j < end; j++) out[i * dimensions + j] = row[j]! * scale;
    });
  }
  return out;
}
