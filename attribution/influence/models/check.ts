import { AttributionError } from '../../errors.ts';
import { checkRange } from '../check.ts';
import {
  MAX_CLASSES,
  MAX_DIMENSIONS,
  MAX_FEATURE,
  MAX_GRADIENT,
  MAX_GRADIENT_NUMBERS,
  MAX_HIDDEN,
  MAX_RANK,
  MAX_SAMPLES,
  MAX_VOCABULARY,
} from '../limits.ts';
import type { Adapter, AdapterTraining, FrozenPart, TokenRecords } from './types.ts';

/** Throws AttributionError 'ShapeMismatch', 'InvalidNumber' or 'InvalidParameter' unless it fits the data. */
export function checkFrozen(frozen: FrozenPart, width: number, classes: number): void {
  if (frozen.width !== width || frozen.classes !== classes)
    throw new AttributionError(
      'ShapeMismatch',
      `A frozen part for ${frozen.width} features and ${frozen.classes} classes does not fit ${width} features and ${classes} classes.`,
    );
  checkRange('classes', classes, 2, MAX_CLASSES);
  if (frozen.kind === 'linear') {
    checkWeights(frozen.weights, classes * (width + 1), MAX_FEATURE);
    return;
  }
  checkRange('hidden units', frozen.hidden, 1, MAX_HIDDEN);
  checkWeights(frozen.hiddenWeights, frozen.hidden * (width + 1), MAX_FEATURE);
  checkWeights(frozen.headWeights, classes * (frozen.hidden + 1), MAX_FEATURE);
}

/** Throws AttributionError 'ShapeMismatch', 'InvalidNumber' or 'InvalidParameter' unless it fits the frozen part. */
export function checkAdapter(adapter: Adapter, frozen: FrozenPart): void {
  const outputs = frozen.kind === 'linear' ? frozen.classes : frozen.hidden;
  checkRange('rank', adapter.rank, 1, MAX_RANK);
  checkRange('scaleMicro', adapter.scaleMicro, 1, 1_000_000_000);
  if (adapter.width !== frozen.width || adapter.outputs !== outputs)
    throw new AttributionError(
      'ShapeMismatch',
      `An adapter from ${adapter.width} to ${adapter.outputs} numbers does not fit a frozen part from ${frozen.width} to ${outputs}.`,
    );
  checkWeights(adapter.down, adapter.rank * adapter.width, MAX_GRADIENT);
  checkWeights(adapter.up, outputs * adapter.rank, MAX_GRADIENT);
  const head = adapter.head.length === 0 || frozen.kind === 'linear' ? 0 : frozen.classes * (outputs + 1);
  checkWeights(adapter.head, head, MAX_GRADIENT);
}

/** Throws AttributionError 'InvalidParameter'; what `SgdTraining` shares is checked there. */
export function checkAdapterTraining(options: AdapterTraining, frozen: FrozenPart): void {
  checkRange('rank', options.rank, 1, MAX_RANK);
  checkRange('scaleMicro', options.scaleMicro, 1, 1_000_000_000);
  // A linear part has no head above what the adapter changes.
  checkRange('trainsHead', options.trainsHead, 0, frozen.kind === 'hidden' ? 1 : 0);
  // With A and B both zero every gradient is zero for ever.
  checkRange('initialScaleMicro', options.initialScaleMicro, 1, 1_000_000_000);
}

/** Throws AttributionError 'ShapeMismatch', 'ProblemTooLarge', 'InvalidNumber' or 'InvalidParameter'. */
export function checkTokens(data: TokenRecords): void {
  const { labels, features, starts, width, classes } = data;
  checkRange('width', width, 1, MAX_DIMENSIONS);
  checkRange('vocabulary', classes, 2, MAX_VOCABULARY);
  const records = starts.length - 1;
  const size = classes * (width + 1);
  if (labels.length * classes > MAX_GRADIENT_NUMBERS || records * size > MAX_GRADIENT_NUMBERS)
    throw new AttributionError(
      'ProblemTooLarge',
      `${records} records with ${labels.length} tokens of ${classes} words × ${width} features are too many.`,
    );
  checkRange('number of records', records, 1, MAX_SAMPLES);
  checkRange('size of the head', size, 1, MAX_DIMENSIONS);
  checkWeights(features, labels.length * width, MAX_FEATURE);
  let before = 0;
  starts.forEach((start, i) => {
    if (start < before || (i === 0 && start !== 0))
      throw new AttributionError(
        'ShapeMismatch',
        'Records must start at 0 and not before the one before them.',
      );
    before = start;
  });
  if (before !== labels.length || labels.length === 0)
    throw new AttributionError(
      'ShapeMismatch',
      `The records hold ${before} tokens, there are ${labels.length}.`,
    );
  for (const label of labels) checkRange('token', label, 0, classes - 1);
}

function checkWeights(numbers: Float64Array, length: number, limit: number): void {
  if (numbers.length !== length)
    throw new AttributionError(
      'ShapeMismatch',
      `${numbers.length} numbers were given, ${length} are needed.`,
    );
  for (const number of numbers)
    if (!(Math.abs(number) <= limit))
      throw new AttributionError(
        'InvalidNumber',
        `A number is ${number}; it must be finite and at most ${limit} in absolute value.`,
      );
}
