import { exp, log } from '../arithmetic/exponential.ts';
import { dot } from '../arithmetic/linear-algebra.ts';
import type { Head, LabelledFeatures } from '../types.ts';

/**
 * Class probabilities of one sample into `out` and the loss of its label (nats): of the logits the largest is
 * subtracted, the sum runs over the classes in their order.
 */
export function predict(
  head: Head,
  features: Float64Array,
  start: number,
  label: number,
  out: Float64Array,
): number {
  headLogits(head, features, start, out);
  return softmax(out, label);
}

/** Logits of one sample into `out`: dot products plus the bias. */
export function headLogits(head: Head, features: Float64Array, start: number, out: Float64Array): void {
  const { width, classes, weights } = head;
  for (let c = 0; c < classes; c++) {
    const row = c * (width + 1);
    out[c] = dot(weights, row, features, start, width) + weights[row + width]!;
  }
}

/** Turns logits into probabilities, in place; returns the loss of the label. */
export function softmax(out: Float64Array, label: number): number {
  const classes = out.length;
  let largest = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < classes; c++) if (out[c]! > largest) largest = out[c]!;
  const labelLogit = out[label]! - largest;
  let sum = 0;
  for (let c = 0; c < classes; c++) {
    const value = exp(out[c]! - largest);
    out[c] = value;
    sum += value;
  }
  for (let c = 0; c < classes; c++) out[c]! /= sum;
  return log(sum) - labelLogit;
}

/** The gradient of one sample's loss, (p − y) ⊗ (x, 1), into `out` from `at`. Residuals p − y are given. */
export function outerGradient(
  residual: Float64Array,
  features: Float64Array,
  start: number,
  width: number,
  out: Float64Array,
  at: number,
): void {
  for (let c = 0; c < residual.length; c++) {
    const r = residual[c]!;
    const row = at + c * (width + 1);
    for (let j = 0; j < width; j++) out[row + j] = r * features[start + j]!;
    out[row + width] = r;
  }
}

/** Value and gradient of Σ loss + l2/2·|θ|², and the probabilities of all samples (n × classes). */
export interface Objective {
  readonly value: number;
  readonly gradient: Float64Array;
  readonly probabilities: Float64Array;
}

/** Evaluates the objective; sums run over the samples in their order. */
export function objective(data: LabelledFeatures, head: Head, l2: number): Objective {
  const { features, labels, width, classes } = data;
  const stride = width + 1;
  const gradient = head.weights.map((weight) => l2 * weight);
  const probabilities = new Float64Array(labels.length * classes);
  let value = 0.5 * l2 * dot(head.weights, 0, head.weights, 0, head.weights.length);
  for (let i = 0; i < labels.length; i++) {
    const p = probabilities.subarray(i * classes, (i + 1) * classes);
    value += predict(head, features, i * width, labels[i]!, p);
    for (let c = 0; c < classes; c++) {
      const residual = p[c]! - (labels[i] === c ? 1 : 0);
      for (let j = 0; j < width; j++) gradient[c * stride + j]! += residual * features[i * width + j]!;
      gradient[c * stride + width]! += residual;
    }
  }
  return { value, gradient, probabilities };
}

/** The Hessian Σ (diag p − ppᵀ) ⊗ (x, 1)(x, 1)ᵀ + l2·I, both triangles. Each block of two classes is symmetric. */
export function hessian(data: LabelledFeatures, probabilities: Float64Array, l2: number): Float64Array {
  const { features, labels, width, classes } = data;
  const stride = width + 1;
  const size = classes * stride;
  const matrix = new Float64Array(size * size);
  const block = new Float64Array(stride * stride);
  const x = new Float64Array(stride).fill(1);
  for (let a = 0; a < classes; a++)
    for (let b = 0; b <= a; b++) {
      block.fill(0);
      for (let i = 0; i < labels.length; i++) {
        const pa = probabilities[i * classes + a]!;
        const curvature = a === b ? pa * (1 - pa) : -pa * probabilities[i * classes + b]!;
        x.set(features.subarray(i * width, (i + 1) * width));
        for (let j = 0; j < stride; j++) {
          const by = curvature * x[j]!;
          if (by !== 0) for (let k = 0; k <= j; k++) block[j * stride + k]! += by * x[k]!;
        }
      }
      for (let j = 0; j < stride; j++)
        for (let k = 0; k <= j; k++) {
          const value = block[j * stride + k]! + (a === b && j === k ? l2 : 0);
          matrix[(a * stride + j) * size + b * stride + k] = value;
          matrix[(a * stride + k) * size + b * stride + j] = value;
          matrix[(b * stride + j) * size + a * stride + k] = value;
          matrix[(b * stride + k) * size + a * stride + j] = value;
        }
    }
  return matrix;
}
