import { AttributionError } from '../../errors.ts';
import { createTrainingGenerator, type TrainingGenerator } from '../arithmetic/generator.ts';
import { checkData, checkHead, checkRange } from '../check.ts';
import { MAX_CURVATURE_NUMBERS, MAX_CURVATURE_SAMPLES } from '../limits.ts';
import { predict } from '../trainer/objective.ts';
import type { Head, KroneckerGradients, KroneckerLayer, LabelledFeatures } from '../types.ts';
import { backward, backwardFrom, createPass, forward } from './adapter.ts';
import { checkAdapter, checkFrozen, checkTokens } from './check.ts';
import type { Adapter, FrozenPart, TokenRecords, TrainedModel } from './types.ts';

/**
 * How the curvature sees a model's own answers: 0 takes every class with its probability (exact), k > 0 draws k answers
 * at each position from a seed. 'none' leaves the curvature empty, for solvers that do not read it.
 */
export type CurvatureDraws = number | 'none';

/**
 * The gradients of a model's loss at samples or queries, as factors. A query's label is what was answered.
 * @param data must carry `starts` for a next-token head.
 * @throws AttributionError 'ShapeMismatch', 'InvalidNumber', 'InvalidParameter', 'ProblemTooLarge'.
 */
export function modelGradients(
  model: TrainedModel,
  data: LabelledFeatures | TokenRecords,
  draws: CurvatureDraws,
): KroneckerGradients {
  if (draws !== 'none') checkRange('number of draws', draws, 0, MAX_CURVATURE_SAMPLES);
  switch (model.kind) {
    case 'head':
      checkData(data);
      checkHead(model.head, data.width, data.classes);
      return headGradients(model.head, data, each(data.labels.length), draws);
    case 'next-token':
      if (!('starts' in data))
        throw new AttributionError(
          'ShapeMismatch',
          'A next-token head needs records. Give where they start.',
        );
      checkTokens(data);
      checkHead(model.head, data.width, data.classes);
      return headGradients(model.head, data, data.starts, draws);
    case 'adapter':
      checkData(data);
      checkFrozen(model.frozen, data.width, data.classes);
      checkAdapter(model.adapter, model.frozen);
      return adapterGradients(model.frozen, model.adapter, data, draws);
  }
}

/** One layer: inputs (x, 1), errors p − y. */
function headGradients(
  head: Head,
  data: LabelledFeatures,
  starts: Int32Array,
  draws: CurvatureDraws,
): KroneckerGradients {
  const { features, labels, width, classes } = data;
  const layer = emptyLayer(labels.length, width + 1, classes, columnsOf(draws, classes));
  layer.inputs.fill(1);
  const answers = answersOf(draws, classes);
  const p = new Float64Array(classes);
  labels.forEach((label, t) => {
    layer.inputs.set(features.subarray(t * width, (t + 1) * width), t * (width + 1));
    predict(head, features, t * width, label, p);
    answers(p, (residuals, column) => layer.curvature.set(residuals, (t * layer.draws + column) * classes));
    p[label]! -= 1;
    layer.errors.set(p, t * classes);
  });
  return { starts, layers: [layer] };
}

/** Layers A (inputs x), B (inputs scale·A·x) and, if it was trained, the head (inputs the hidden units and 1). */
function adapterGradients(
  frozen: FrozenPart,
  adapter: Adapter,
  data: LabelledFeatures,
  draws: CurvatureDraws,
): KroneckerGradients {
  const { features, labels, width, classes } = data;
  const { rank, outputs } = adapter;
  const columns = columnsOf(draws, classes);
  const count = labels.length;
  const down = { ...emptyLayer(count, width, rank, columns), inputs: features };
  const up = emptyLayer(count, rank, outputs, columns);
  const trained = adapter.head.length > 0;
  const head = emptyLayer(trained ? count : 0, outputs + 1, classes, columns);
  const answers = answersOf(draws, classes);
  const pass = createPass(frozen, adapter);
  const keep = (at: number, part: 'errors' | 'curvature') => {
    down[part].set(pass.lowErrors, at * rank);
    up[part].set(pass.outputErrors, at * outputs);
    if (trained) head[part].set(pass.residuals, at * classes);
  };
  labels.forEach((label, i) => {
    forward(frozen, adapter, features, i * width, label, pass);
    up.inputs.set(pass.low, i * rank);
    if (trained) head.inputs.set(pass.outputs, i * (outputs + 1));
    const p = Float64Array.from(pass.residuals);
    answers(p, (residuals, column) => {
      pass.residuals.set(residuals);
      backwardFrom(frozen, adapter, pass);
      keep(i * columns + column, 'curvature');
    });
    pass.residuals.set(p);
    backward(frozen, adapter, label, pass);
    keep(i, 'errors');
  });
  return { starts: each(count), layers: trained ? [down, up, head] : [down, up] };
}

/** Purpose of the generator that draws answers. */
const ANSWERS = 3;

/** Gives to `use` the residuals of the answers that the curvature is made of, so scaled that their squares add up. */
function answersOf(
  draws: CurvatureDraws,
  classes: number,
): (p: Float64Array, use: (residuals: Float64Array, column: number) => void) => void {
  if (draws === 'none') return () => {};
  const residuals = new Float64Array(classes);
  const generator = createTrainingGenerator(new Uint8Array(), ANSWERS);
  const scale = draws === 0 ? 1 : 1 / Math.sqrt(draws);
  return (p, use) => {
    for (let column = 0; column < (draws === 0 ? classes : draws); column++) {
      const answer = draws === 0 ? column : draw(p, generator);
      const by = draws === 0 ? Math.sqrt(p[answer]!) : scale;
      for (let c = 0; c < classes; c++) residuals[c] = by * (p[c]! - (c === answer ? 1 : 0));
      use(residuals, column);
    }
  };
}

/** A class drawn with its probability; rounding at the end of the sum falls to the last class. */
function draw(p: Float64Array, generator: TrainingGenerator): number {
  const at = (generator.signed() + 1) / 2;
  let sum = 0;
  for (let c = 0; c < p.length; c++) {
    sum += p[c]!;
    if (at < sum) return c;
  }
  return p.length - 1;
}

function columnsOf(draws: CurvatureDraws, classes: number): number {
  if (draws === 'none') return 0;
  return draws === 0 ? classes : draws;
}

function emptyLayer(
  positions: number,
  inputWidth: number,
  errorWidth: number,
  draws: number,
): KroneckerLayer {
  const numbers = positions * draws * errorWidth;
  if (numbers > MAX_CURVATURE_NUMBERS)
    throw new AttributionError(
      'ProblemTooLarge',
      `${positions} positions × ${draws} draws × ${errorWidth} errors are too many. Draw fewer answers.`,
    );
  return {
    inputs: new Float64Array(positions * inputWidth),
    inputWidth,
    errors: new Float64Array(positions * errorWidth),
    errorWidth,
    curvature: new Float64Array(numbers),
    draws,
  };
}

/** One position a sample. */
function each(count: number): Int32Array {
  return Int32Array.from({ length: count + 1 }, (_, i) => i);
}
