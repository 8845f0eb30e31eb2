import { dot } from '../arithmetic/linear-algebra.ts';
import { softmax } from '../trainer/objective.ts';
import type { Adapter, FrozenPart } from './types.ts';

/** Room for one sample's way through an adapted model and back. */
export interface AdapterPass {
  /** A·x, times the scale: rank. */
  readonly low: Float64Array;
  /** The adapted map's output, after max(0, ·) for a hidden part, then a 1: outputs + 1. */
  readonly outputs: Float64Array;
  /** Probabilities, then the residuals p − y: classes. */
  readonly residuals: Float64Array;
  /** Gradient of the loss by the adapted map's output: outputs. */
  readonly outputErrors: Float64Array;
  /** Gradient of the loss by A·x: rank. */
  readonly lowErrors: Float64Array;
}

export function createPass(frozen: FrozenPart, adapter: Adapter): AdapterPass {
  return {
    low: new Float64Array(adapter.rank),
    outputs: new Float64Array(adapter.outputs + 1).fill(1),
    residuals: new Float64Array(frozen.classes),
    outputErrors: new Float64Array(adapter.outputs),
    lowErrors: new Float64Array(adapter.rank),
  };
}

/** The head above a hidden part: the trained one if there is one. */
function headOf(frozen: FrozenPart, adapter: Adapter): Float64Array {
  if (frozen.kind === 'linear') return frozen.weights;
  return adapter.head.length > 0 ? adapter.head : frozen.headWeights;
}

/** Probabilities of one sample into `pass.residuals`; returns the loss of its label (nats). */
export function forward(
  frozen: FrozenPart,
  adapter: Adapter,
  features: Float64Array,
  start: number,
  label: number,
  pass: AdapterPass,
): number {
  adapterLogits(frozen, adapter, features, start, pass);
  return softmax(pass.residuals, label);
}

/** Logits of one sample into `pass.residuals`. */
export function adapterLogits(
  frozen: FrozenPart,
  adapter: Adapter,
  features: Float64Array,
  start: number,
  pass: AdapterPass,
): void {
  const { low, outputs, residuals } = pass;
  const { width, rank } = adapter;
  const scale = adapter.scaleMicro / 1e6;
  for (let k = 0; k < rank; k++) low[k] = scale * dot(adapter.down, k * width, features, start, width);
  const weights = frozen.kind === 'linear' ? frozen.weights : frozen.hiddenWeights;
  for (let o = 0; o < adapter.outputs; o++) {
    const row = o * (width + 1);
    const value =
      dot(weights, row, features, start, width) +
      weights[row + width]! +
      dot(adapter.up, o * rank, low, 0, rank);
    if (frozen.kind === 'linear') residuals[o] = value;
    else outputs[o] = Math.max(value, 0);
  }
  if (frozen.kind === 'hidden') {
    const head = headOf(frozen, adapter);
    const size = frozen.hidden + 1;
    for (let c = 0; c < frozen.classes; c++) residuals[c] = dot(head, c * size, outputs, 0, size);
  }
}

/** After `forward`: turns the probabilities into residuals and carries them back to the errors of B's and A's outputs. */
export function backward(frozen: FrozenPart, adapter: Adapter, label: number, pass: AdapterPass): void {
  pass.residuals[label]! -= 1;
  backwardFrom(frozen, adapter, pass);
}

/** The same from any residuals. */
export function backwardFrom(frozen: FrozenPart, adapter: Adapter, pass: AdapterPass): void {
  const { residuals, outputs, outputErrors, lowErrors } = pass;
  if (frozen.kind === 'linear') outputErrors.set(residuals);
  else {
    const head = headOf(frozen, adapter);
    outputErrors.fill(0);
    for (let c = 0; c < frozen.classes; c++) {
      const row = c * (frozen.hidden + 1);
      for (let h = 0; h < frozen.hidden; h++) outputErrors[h]! += residuals[c]! * head[row + h]!;
    }
    for (let h = 0; h < frozen.hidden; h++) if (!(outputs[h]! > 0)) outputErrors[h] = 0;
  }
  const scale = adapter.scaleMicro / 1e6;
  lowErrors.fill(0);
  for (let o = 0; o < adapter.outputs; o++)
    for (let k = 0; k < adapter.rank; k++)
      lowErrors[k]! += outputErrors[o]! * adapter.up[o * adapter.rank + k]!;
  for (let k = 0; k < adapter.rank; k++) lowErrors[k]! *= scale;
}
