import { AttributionError } from '../../errors.ts';
import { createTrainingGenerator, shuffled } from '../arithmetic/generator.ts';
import { type AdapterPass, backward, createPass, forward } from '../models/adapter.ts';
import type { Adapter, AdapterTraining, FrozenPart } from '../models/types.ts';
import type { LabelledFeatures } from '../types.ts';
import { INITIAL_WEIGHTS, ORDER } from './sgd.ts';

/**
 * Stochastic gradient descent on an adapter, in the order and with the steps of `trainBySgd`. A is drawn from the seed,
 * B starts at zero, so that training starts from the frozen part's own answers.
 * @throws AttributionError 'NotConverged' if the weights grow out of the finite range.
 */
export function trainAdapter(data: LabelledFeatures, frozen: FrozenPart, options: AdapterTraining): Adapter {
  const adapter = initialAdapter(frozen, options);
  const parts = [adapter.down, adapter.up, adapter.head];
  const gradient = {
    ...adapter,
    down: zeros(adapter.down),
    up: zeros(adapter.up),
    head: zeros(adapter.head),
  };
  const gradients = [gradient.down, gradient.up, gradient.head];
  const pass = createPass(frozen, adapter);
  const count = data.labels.length;
  const order = createTrainingGenerator(options.seed, ORDER);
  const rate = options.learningRateMicro / 1e6;
  const shrink = (rate * (options.l2Micro / 1e6)) / count;
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    const samples = shuffled(count, order);
    for (let first = 0; first < count; first += options.batchSize) {
      const end = Math.min(count, first + options.batchSize);
      for (const part of gradients) part.fill(0);
      for (let at = first; at < end; at++) {
        const i = samples[at]!;
        forward(frozen, adapter, data.features, i * data.width, data.labels[i]!, pass);
        backward(frozen, adapter, data.labels[i]!, pass);
        addGradient(gradient, data.features, i * data.width, pass);
      }
      const step = rate / (end - first);
      parts.forEach((weights, part) => {
        const slope = gradients[part]!;
        for (let k = 0; k < weights.length; k++)
          weights[k] = weights[k]! - step * slope[k]! - shrink * weights[k]!;
      });
    }
  }
  if (!parts.every((weights) => weights.every((weight) => Number.isFinite(weight))))
    throw new AttributionError('NotConverged', 'The weights diverged. Train with a smaller learning rate.');
  return adapter;
}

function initialAdapter(frozen: FrozenPart, options: AdapterTraining): Adapter {
  const { rank, scaleMicro } = options;
  const { width } = frozen;
  const outputs = frozen.kind === 'linear' ? frozen.classes : frozen.hidden;
  const initial = createTrainingGenerator(options.seed, INITIAL_WEIGHTS);
  const scale = options.initialScaleMicro / 1e6;
  return {
    rank,
    width,
    outputs,
    scaleMicro,
    down: Float64Array.from({ length: rank * width }, () => initial.signed() * scale),
    up: new Float64Array(outputs * rank),
    head:
      frozen.kind === 'hidden' && options.trainsHead === 1
        ? Float64Array.from(frozen.headWeights)
        : new Float64Array(0),
  };
}

/** Adds the gradients of one sample: those of A are lowErrors ⊗ x, of B outputErrors ⊗ low, of the head residuals ⊗ outputs. */
function addGradient(gradient: Adapter, features: Float64Array, start: number, pass: AdapterPass): void {
  const { rank, width, outputs } = gradient;
  for (let k = 0; k < rank; k++) {
    const by = pass.lowErrors[k]!;
    if (by !== 0) for (let j = 0; j < width; j++) gradient.down[k * width + j]! += by * features[start + j]!;
  }
  for (let o = 0; o < outputs; o++) {
    const by = pass.outputErrors[o]!;
    if (by !== 0) for (let k = 0; k < rank; k++) gradient.up[o * rank + k]! += by * pass.low[k]!;
  }
  if (gradient.head.length === 0) return;
  for (let c = 0; c < pass.residuals.length; c++) {
    const by = pass.residuals[c]!;
    for (let h = 0; h <= outputs; h++) gradient.head[c * (outputs + 1) + h]! += by * pass.outputs[h]!;
  }
}

function zeros(like: Float64Array): Float64Array {
  return new Float64Array(like.length);
}
