import { AttributionError } from '../../errors.ts';
import { checkData, checkHead, checkLayers, checkNumbers, checkRange } from '../check.ts';
import {
  MAX_CURVATURE_DRAWS,
  MAX_FACTOR_NUMBERS,
  MAX_FACTOR_WIDTH,
  MAX_FEATURE,
  MAX_LAYERS,
  MAX_POSITIONS,
  MAX_PREPARATION_PRODUCTS,
} from '../limits.ts';
import { predict } from '../trainer/objective.ts';
import type { Head, KroneckerGradients, KroneckerLayer, LabelledFeatures } from '../types.ts';
import type { RowSource } from './store.ts';

/** Gradients from their factors: Σ over the positions t of a sample of errorₜ ⊗ inputₜ for each layer. */
export function kroneckerRows(gradients: KroneckerGradients): RowSource {
  const { starts, layers } = gradients;
  return {
    count: starts.length - 1,
    layers: layers.map((layer) => layer.inputWidth * layer.errorWidth),
    row: (i, out) => {
      out.fill(0);
      let start = 0;
      for (const { inputs, inputWidth, errors, errorWidth } of layers) {
        for (let t = starts[i]!; t < starts[i + 1]!; t++)
          for (let b = 0; b < errorWidth; b++) {
            const error = errors[t * errorWidth + b]!;
            const to = start + b * inputWidth;
            for (let a = 0; a < inputWidth; a++) out[to + a]! += error * inputs[t * inputWidth + a]!;
          }
        start += inputWidth * errorWidth;
      }
    },
  };
}

/**
 * The one layer of a softmax head: inputs (x, 1), errors p − y. Its curvature errors √p_c·(p − e_c), one for each
 * class c, have outer products that add up to diag p − ppᵀ, the expected Fisher information.
 * @throws AttributionError as checkData and checkHead.
 */
export function headKronecker(data: LabelledFeatures, head: Head): KroneckerGradients {
  checkData(data);
  checkHead(head, data.width, data.classes);
  const { features, labels, width, classes } = data;
  const count = labels.length;
  const inputWidth = width + 1;
  checkFactorNumbers(count, inputWidth, classes, classes);
  const inputs = new Float64Array(count * inputWidth).fill(1);
  const errors = new Float64Array(count * classes);
  const curvature = new Float64Array(count * classes * classes);
  for (let i = 0; i < count; i++) {
    inputs.set(features.subarray(i * width, (i + 1) * width), i * inputWidth);
    const p = errors.subarray(i * classes, (i + 1) * classes);
    predict(head, features, i * width, labels[i]!, p);
    for (let c = 0; c < classes; c++) {
      const root = Math.sqrt(p[c]!);
      const at = (i * classes + c) * classes;
      for (let b = 0; b < classes; b++) curvature[at + b] = root * (p[b]! - (b === c ? 1 : 0));
    }
    p[labels[i]!]! -= 1;
  }
  const layer: KroneckerLayer = {
    inputs,
    inputWidth,
    errors,
    errorWidth: classes,
    curvature,
    draws: classes,
  };
  return { starts: Int32Array.from({ length: count + 1 }, (_, i) => i), layers: [layer] };
}

/** Throws AttributionError 'ShapeMismatch', 'ProblemTooLarge', 'InvalidNumber' or 'InvalidParameter'. */
export function checkKronecker(gradients: KroneckerGradients): void {
  const { starts, layers } = gradients;
  checkRange('number of layers', layers.length, 1, MAX_LAYERS);
  for (const layer of layers) {
    checkRange('number of inputs', layer.inputWidth, 1, MAX_FACTOR_WIDTH);
    checkRange('number of errors', layer.errorWidth, 1, MAX_FACTOR_WIDTH);
    checkRange('number of draws', layer.draws, 1, MAX_CURVATURE_DRAWS);
  }
  checkLayers(
    starts.length - 1,
    layers.map((layer) => layer.inputWidth * layer.errorWidth),
  );
  const positions = starts.at(-1)!;
  checkRange('number of positions', positions, 1, MAX_POSITIONS);
  for (const { inputWidth, errorWidth, draws } of layers)
    checkFactorNumbers(positions, inputWidth, errorWidth, draws);
  checkWork(positions, layers);
  if (starts[0] !== 0 || starts.some((start, i) => i > 0 && start < starts[i - 1]!))
    throw new AttributionError(
      'ShapeMismatch',
      'The positions of the samples must begin at 0 and follow each other.',
    );
  for (const { inputs, inputWidth, errors, errorWidth, curvature, draws } of layers) {
    checkLength('inputs', inputs, positions * inputWidth);
    checkLength('errors', errors, positions * errorWidth);
    checkLength('curvature errors', curvature, positions * draws * errorWidth);
  }
}

function checkLength(what: string, numbers: Float64Array, length: number): void {
  if (numbers.length !== length)
    throw new AttributionError(
      'ShapeMismatch',
      `${numbers.length} ${what} were given, ${length} are needed.`,
    );
  checkNumbers(`One of the ${what}`, numbers, MAX_FEATURE);
}

function checkFactorNumbers(positions: number, inputs: number, errors: number, draws: number): void {
  if (positions * Math.max(inputs, errors * draws) > MAX_FACTOR_NUMBERS)
    throw new AttributionError(
      'ProblemTooLarge',
      `${positions} positions of ${inputs} inputs and ${draws} × ${errors} curvature errors are too many: at most ${MAX_FACTOR_NUMBERS} numbers of each. Draw fewer answers of the model.`,
    );
}

/** About five width³ for eigenvectors, and for each position the turned input, and for each draw error and product. */
function checkWork(positions: number, layers: readonly KroneckerLayer[]): void {
  const work = layers.reduce((sum, { inputWidth: inputs, errorWidth: errors, draws }) => {
    const eigenvectors = 5 * (inputs * inputs * inputs + errors * errors * errors);
    return sum + eigenvectors + positions * (inputs * inputs + draws * errors * (errors + inputs));
  }, 0);
  if (work > MAX_PREPARATION_PRODUCTS)
    throw new AttributionError(
      'ProblemTooLarge',
      `Factors of ${layers.length} layers and ${positions} positions take too long. Use fewer, narrower or fewer draws.`,
    );
}
