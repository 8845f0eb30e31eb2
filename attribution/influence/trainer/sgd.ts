import { AttributionError } from '../../errors.ts';
import { createTrainingGenerator, shuffled } from '../arithmetic/generator.ts';
import type { Head, LabelledFeatures, SgdTraining } from '../types.ts';
import { predict } from './objective.ts';

/** Purposes of the seeded generator: one stream each. */
export const INITIAL_WEIGHTS = 0;
export const ORDER = 1;

/**
 * Stochastic gradient descent: weights drawn from the seed, in each epoch a new order drawn from the seed, batches of
 * `batchSize` consecutive samples of it (the last may be smaller).
 * @throws AttributionError 'NotConverged' if the weights grow out of the finite range.
 */
export function trainBySgd(data: LabelledFeatures, options: SgdTraining): Head {
  const { features, labels, width, classes } = data;
  const count = labels.length;
  const stride = width + 1;
  const initial = createTrainingGenerator(options.seed, INITIAL_WEIGHTS);
  const scale = options.initialScaleMicro / 1e6;
  const weights = Float64Array.from({ length: classes * stride }, () => initial.signed() * scale);
  const head: Head = { weights, width, classes };
  const order = createTrainingGenerator(options.seed, ORDER);
  const rate = options.learningRateMicro / 1e6;
  const shrink = (rate * (options.l2Micro / 1e6)) / count;
  const residual = new Float64Array(classes);
  const gradient = new Float64Array(classes * stride);
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    const samples = shuffled(count, order);
    for (let first = 0; first < count; first += options.batchSize) {
      const end = Math.min(count, first + options.batchSize);
      const step = rate / (end - first);
      gradient.fill(0);
      for (let at = first; at < end; at++) {
        const i = samples[at]!;
        predict(head, features, i * width, labels[i]!, residual);
        residual[labels[i]!]! -= 1;
        for (let c = 0; c < classes; c++) {
          const r = residual[c]!;
          for (let j = 0; j < width; j++) gradient[c * stride + j]! += r * features[i * width + j]!;
          gradient[c * stride + width]! += r;
        }
      }
      for (let k = 0; k < weights.length; k++)
        weights[k] = weights[k]! - step * gradient[k]! - shrink * weights[k]!;
    }
  }
  if (!weights.every((weight) => Number.isFinite(weight)))
    throw new AttributionError('NotConverged', 'The weights diverged. Train with a smaller learning rate.');
  return head;
}
