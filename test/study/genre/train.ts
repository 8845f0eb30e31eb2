/**
 * Trains the genre classifier and writes it as an integer-only ONNX graph. Everything is deterministic: data in the
 * order of the files, draws from a seed, doubles in one order, an exponential of our own.
 */
import { exp } from '../../../attribution/influence/arithmetic/exponential.ts';
import { createTrainingGenerator, shuffled } from '../../../attribution/influence/arithmetic/generator.ts';
import { graphBuilder } from '../../support/onnx.ts';
import type { Passages } from './data.ts';
import { GENRE_FEATURES, GENRE_LABELS } from './features.ts';

const HIDDEN = 64;
const CLASSES = GENRE_LABELS.length;
const EPOCHS = 4;
const RATE = 0.01;
const SHRINK = 3e-4;
const SEED = new TextEncoder().encode('genre');
/** Purposes of the generator. */
const WEIGHTS = 1;
const ORDER = 2;

interface Perceptron {
  /** [GENRE_FEATURES, HIDDEN] and [HIDDEN, CLASSES] */
  readonly w1: Float64Array;
  readonly b1: Float64Array;
  readonly w2: Float64Array;
  readonly b2: Float64Array;
}

/** Stochastic gradient descent, one passage at a time, with a rate that falls to zero. */
export function trainPerceptron({ features, labels }: Passages): Perceptron {
  const draw = createTrainingGenerator(SEED, WEIGHTS);
  const weights = (count: number, scale: number): Float64Array =>
    Float64Array.from({ length: count }, () => draw.signed() * scale);
  const model: Perceptron = {
    w1: weights(GENRE_FEATURES * HIDDEN, 0.05),
    b1: new Float64Array(HIDDEN),
    w2: weights(HIDDEN * CLASSES, 0.2),
    b2: new Float64Array(CLASSES),
  };
  const order = createTrainingGenerator(SEED, ORDER);
  const steps = EPOCHS * labels.length;
  let step = 0;
  for (let epoch = 0; epoch < EPOCHS; epoch++)
    for (const i of shuffled(labels.length, order)) {
      const x = features.subarray(i * GENRE_FEATURES, (i + 1) * GENRE_FEATURES);
      descend(model, x, labels[i]!, RATE * (1 - step++ / steps));
    }
  return model;
}

function descend({ w1, b1, w2, b2 }: Perceptron, x: Uint8Array, label: number, rate: number): void {
  const present = [...x.keys()].filter((k) => x[k] !== 0);
  const h = hiddenOf(w1, b1, x, present);
  const logits = outputOf(w2, b2, h);
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => exp(logit - largest));
  const total = powers.reduce((a, b) => a + b, 0);
  const dl = powers.map((power, c) => power / total - (c === label ? 1 : 0));
  for (let j = 0; j < HIDDEN; j++) {
    if (h[j] === 0) continue;
    let dh = 0;
    for (let c = 0; c < CLASSES; c++) {
      dh += dl[c]! * w2[j * CLASSES + c]!;
      w2[j * CLASSES + c]! -= rate * (dl[c]! * h[j]! + SHRINK * w2[j * CLASSES + c]!);
    }
    b1[j]! -= rate * dh;
    for (const k of present) w1[k * HIDDEN + j]! -= rate * (dh * x[k]! + SHRINK * w1[k * HIDDEN + j]!);
  }
  for (let c = 0; c < CLASSES; c++) b2[c]! -= rate * dl[c]!;
}

function hiddenOf(
  w1: Float64Array,
  b1: Float64Array,
  x: Uint8Array,
  present: readonly number[],
): Float64Array {
  const h = Float64Array.from(b1);
  for (const k of present) for (let j = 0; j < HIDDEN; j++) h[j]! += x[k]! * w1[k * HIDDEN + j]!;
  return h.map((value) => Math.max(value, 0));
}

function outputOf(w2: Float64Array, b2: Float64Array, h: Float64Array): Float64Array {
  return b2.map((bias, c) => h.reduce((sum, value, j) => sum + value * w2[j * CLASSES + c]!, bias));
}

const SHIFT = 16;
const ZERO = 128;

/**
 * Weights to 8 bits around zero point 128, hidden values to 8 bits, all sums in integers (docs/runtime.md, §1).
 * Input `counts` uint8[1, 4096], output `scores` int64[1, classes]; the largest score is the answer.
 */
export function quantise(model: Perceptron, { features, labels }: Passages): Uint8Array {
  const scale1 = largest(model.w1) / 127;
  const scale2 = largest(model.w2) / 127;
  let highest = 0;
  for (let i = 0; i < labels.length; i++) {
    const x = features.subarray(i * GENRE_FEATURES, (i + 1) * GENRE_FEATURES);
    const present = [...x.keys()].filter((k) => x[k] !== 0);
    for (const value of hiddenOf(model.w1, model.b1, x, present)) highest = Math.max(highest, value);
  }
  const scaleH = highest / 255;
  const g = graphBuilder();
  const counts = g.input('uint8', 'counts', [1, GENRE_FEATURES]);
  const one = (value: number): string => g.constant('int64', [1], [value]);
  const bytes = (w: Float64Array, scale: number): Uint8Array =>
    Uint8Array.from(w, (value) => Math.round(value / scale) + ZERO);
  const wide = (b: Float64Array, scale: number): number[] =>
    Array.from(b, (value) => Math.round(value / scale));
  const product = (x: string, w: Uint8Array, rows: number, columns: number): string =>
    g.node(
      'Cast',
      [
        g.node('MatMulInteger', [
          x,
          g.constant('uint8', [rows, columns], w),
          g.constant('uint8', [], [0]),
          g.constant('uint8', [], [ZERO]),
        ]),
      ],
      { to: 7 },
    );
  const sum1 = g.node('Add', [
    product(counts, bytes(model.w1, scale1), GENRE_FEATURES, HIDDEN),
    g.constant('int64', [HIDDEN], wide(model.b1, scale1)),
  ]);
  const positive = g.node('Max', [sum1, one(0)]);
  const scaled = g.node('Mul', [positive, one(Math.round((scale1 / scaleH) * 2 ** SHIFT))]);
  const rounded = g.node('Div', [g.node('Add', [scaled, one(2 ** (SHIFT - 1))]), one(2 ** SHIFT)]);
  const h = g.node('Cast', [g.node('Min', [rounded, one(255)])], { to: 2 });
  const scores = g.node('Add', [
    product(h, bytes(model.w2, scale2), HIDDEN, CLASSES),
    g.constant('int64', [CLASSES], wide(model.b2, scaleH * scale2)),
  ]);
  g.output('int64', 'scores', scores, [1, CLASSES]);
  return g.bytes();
}

function largest(numbers: Float64Array): number {
  return numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Share of passages whose largest logit is that of their label. */
export function floatAccuracy(model: Perceptron, { features, labels }: Passages): number {
  let right = 0;
  for (const [i, label] of labels.entries()) {
    const x = features.subarray(i * GENRE_FEATURES, (i + 1) * GENRE_FEATURES);
    const present = [...x.keys()].filter((k) => x[k] !== 0);
    const logits = outputOf(model.w2, model.b2, hiddenOf(model.w1, model.b1, x, present));
    if (logits.indexOf(Math.max(...logits)) === label) right++;
  }
  return right / labels.length;
}
