import { AttributionError } from '../errors.ts';
import {
  MAX_CLASSES,
  MAX_DIMENSIONS,
  MAX_EPOCHS,
  MAX_FEATURE,
  MAX_GRADIENT,
  MAX_GRADIENT_NUMBERS,
  MAX_LAYERS,
  MAX_SAMPLES,
  MAX_SEED_BYTES,
} from './limits.ts';
import type { Head, LabelledFeatures, TrainingOptions } from './types.ts';

/** Throws AttributionError 'ShapeMismatch', 'ProblemTooLarge', 'InvalidNumber' or 'InvalidParameter'. */
export function checkData(data: LabelledFeatures): void {
  const count = data.labels.length;
  checkRange('width', data.width, 1, MAX_DIMENSIONS);
  checkRange('classes', data.classes, 2, MAX_CLASSES);
  if (count === 0) throw new AttributionError('ShapeMismatch', 'There is no sample. Give at least one.');
  checkSize(count, data.classes * (data.width + 1));
  if (data.features.length !== count * data.width)
    throw new AttributionError(
      'ShapeMismatch',
      `${data.features.length} features were given, ${count} samples of ${data.width} need ${count * data.width}.`,
    );
  checkNumbers('A feature', data.features, MAX_FEATURE);
  for (const label of data.labels)
    if (label < 0 || label >= data.classes)
      throw new AttributionError(
        'InvalidParameter',
        `Label ${label} is not among the ${data.classes} classes. Use 0 to ${data.classes - 1}.`,
      );
}

/** Throws AttributionError 'ShapeMismatch' or 'InvalidNumber'. */
export function checkHead(head: Head, width: number, classes: number): void {
  if (head.width !== width || head.classes !== classes || head.weights.length !== classes * (width + 1))
    throw new AttributionError(
      'ShapeMismatch',
      `A head for ${head.width} features and ${head.classes} classes does not fit ${width} features and ${classes} classes.`,
    );
  checkNumbers('A weight', head.weights, MAX_GRADIENT);
}

/**
 * Checks the shape of a store and returns the numbers of one row.
 * Throws AttributionError 'InvalidParameter' or 'ProblemTooLarge'.
 */
export function checkLayers(count: number, layers: readonly number[]): number {
  checkRange('number of samples', count, 1, Number.MAX_SAFE_INTEGER);
  checkRange('number of layers', layers.length, 1, MAX_LAYERS);
  for (const layer of layers) checkRange('size of a layer', layer, 1, MAX_DIMENSIONS);
  const dimensions = layers.reduce((sum, layer) => sum + layer, 0);
  checkSize(count, dimensions);
  return dimensions;
}

/** Throws AttributionError 'ShapeMismatch', 'ProblemTooLarge' or 'InvalidParameter'. */
export function checkGradients(gradients: Float64Array, count: number, layers: readonly number[]): void {
  const dimensions = checkLayers(count, layers);
  if (gradients.length !== count * dimensions)
    throw new AttributionError(
      'ShapeMismatch',
      `${gradients.length} gradient numbers were given, ${count} gradients of ${dimensions} need ${count * dimensions}.`,
    );
}

/** Throws AttributionError 'InvalidParameter'. */
export function checkTraining(options: TrainingOptions): void {
  switch (options.method) {
    case 'newton':
      // Without regularisation separable data have no optimum.
      checkRange('l2Micro', options.l2Micro, 1, 1_000_000_000_000);
      break;
    case 'sgd':
      checkRange('l2Micro', options.l2Micro, 0, 1_000_000_000_000);
      checkRange('learningRateMicro', options.learningRateMicro, 1, 1_000_000_000);
      checkRange('initialScaleMicro', options.initialScaleMicro, 0, 1_000_000_000);
      checkRange('epochs', options.epochs, 1, MAX_EPOCHS);
      checkRange('batchSize', options.batchSize, 1, MAX_SAMPLES);
      checkRange('number of seed bytes', options.seed.length, 0, MAX_SEED_BYTES);
      break;
  }
}

/** Throws AttributionError 'InvalidParameter' unless `value` is an integer from `low` to `high`. */
export function checkRange(name: string, value: number, low: number, high: number): void {
  if (!Number.isSafeInteger(value) || value < low || value > high)
    throw new AttributionError(
      'InvalidParameter',
      `The ${name} is ${value}; it must be an integer from ${low} to ${high}.`,
    );
}

function checkSize(count: number, dimensions: number): void {
  if (count > MAX_SAMPLES || dimensions > MAX_DIMENSIONS || count * dimensions > MAX_GRADIENT_NUMBERS)
    throw new AttributionError(
      'ProblemTooLarge',
      `${count} samples × ${dimensions} parameters are too many: at most ${MAX_SAMPLES}, ${MAX_DIMENSIONS}, and ${MAX_GRADIENT_NUMBERS} together.`,
    );
}

/** Throws AttributionError 'InvalidNumber' unless all numbers are finite and within ± limit. */
export function checkNumbers(what: string, numbers: Float64Array, limit: number): void {
  for (const number of numbers)
    if (!(Math.abs(number) <= limit))
      throw new AttributionError(
        'InvalidNumber',
        `${what} is ${number}; it must be finite and at most ${limit} in absolute value.`,
      );
}
