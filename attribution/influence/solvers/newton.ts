import { AttributionError } from '../../errors.ts';
import { binaryExponent, powerOfTwo } from '../arithmetic/exponential.ts';
import { roundHalfEven, roundTo31Bits } from '../arithmetic/integers.ts';
import { choleskyFactor, choleskyInverse, dot, solveSmall } from '../arithmetic/linear-algebra.ts';
import { checkData, checkHead, checkRange } from '../check.ts';
import { MAX_EXACT_PARAMETERS } from '../limits.ts';
import { hessian, outerGradient, predict } from '../trainer/objective.ts';
import type { Head, LabelledFeatures, NewtonMetric, QuantisedGradients } from '../types.ts';
import { exactDot, type QueryWeights } from './weighted-scores.ts';

/** The inverse Hessian of a head and the gradients corrected for leverage, in doubles. */
export interface NewtonParts {
  /** H⁻¹, classes·(width+1) squared, both triangles. */
  readonly inverse: Float64Array;
  /** n rows: Xᵢ·(I − SᵢKᵢ)⁻¹·rᵢ, so that H⁻¹ times a row is the change of the weights when the sample is left out. */
  readonly gradients: Float64Array;
}

/**
 * One-step Newton leave-one-out of a softmax head. Sample i has Hessian XᵢSᵢXᵢᵀ (Xᵢ = I ⊗ (x, 1), Sᵢ = diag p − ppᵀ)
 * and residual rᵢ = p − y. Without it the optimum moves by (H − XᵢSᵢXᵢᵀ)⁻¹Xᵢrᵢ = H⁻¹Xᵢ(I − SᵢKᵢ)⁻¹rᵢ with
 * Kᵢ = XᵢᵀH⁻¹Xᵢ, by the push-through identity: the correction is a small system for each sample.
 * @throws AttributionError as checkData and checkHead; 'InvalidParameter' for more than MAX_EXACT_PARAMETERS
 * parameters; 'NotConverged' if the Hessian is not positive definite.
 */
export function newtonParts(data: LabelledFeatures, head: Head, l2: number): NewtonParts {
  checkData(data);
  checkHead(head, data.width, data.classes);
  const { features, labels, width, classes } = data;
  const stride = width + 1;
  const size = classes * stride;
  checkRange('number of parameters', size, 1, MAX_EXACT_PARAMETERS);
  const probabilities = new Float64Array(labels.length * classes);
  labels.forEach((label, i) => {
    const p = probabilities.subarray(i * classes, (i + 1) * classes);
    predict(head, features, i * width, label, p);
  });
  const inverse = choleskyInverse(choleskyFactor(hessian(data, probabilities, l2), size), size);

  const gradients = new Float64Array(labels.length * size);
  const x = new Float64Array(stride).fill(1);
  const leverage = new Float64Array(classes * classes);
  const system = new Float64Array(classes * classes);
  labels.forEach((label, i) => {
    x.set(features.subarray(i * width, (i + 1) * width));
    quadraticForms(inverse, x, classes, leverage);
    const p = probabilities.subarray(i * classes, (i + 1) * classes);
    for (let a = 0; a < classes; a++)
      for (let b = 0; b < classes; b++) {
        // (S·K)ab = pₐ·(Kab − Σ pₑKeb)
        let mean = 0;
        for (let e = 0; e < classes; e++) mean += p[e]! * leverage[e * classes + b]!;
        system[a * classes + b] = (a === b ? 1 : 0) - p[a]! * (leverage[a * classes + b]! - mean);
      }
    const residual = p.map((probability, c) => probability - (c === label ? 1 : 0));
    const corrected = solveSmall(system, classes, residual);
    outerGradient(corrected, features, i * width, width, gradients, i * size);
  });
  return { inverse, gradients };
}

/** out[a, b] = xᵀ·(block a, b of the inverse)·x. */
function quadraticForms(inverse: Float64Array, x: Float64Array, classes: number, out: Float64Array): void {
  const stride = x.length;
  const size = classes * stride;
  for (let a = 0; a < classes; a++)
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let j = 0; j < stride; j++) {
        const by = x[j]!;
        if (by !== 0) sum += by * dot(inverse, (a * stride + j) * size + b * stride, x, 0, stride);
      }
      out[a * classes + b] = sum;
      out[b * classes + a] = sum;
    }
}

/** Rounds the inverse to 32-bit integers with one power-of-two scale: the largest takes 31 bits, halves go to even. */
export function quantiseInverse(inverse: Float64Array): Pick<NewtonMetric, 'inverse' | 'inverseExponent'> {
  let largest = 0;
  for (const value of inverse) largest = Math.max(largest, Math.abs(value));
  if (!(largest > 1e-200 && largest < 1e200))
    throw new AttributionError(
      'NotConverged',
      'The inverse Hessian is out of range. Scale the features to about 1.',
    );
  let inverseExponent = binaryExponent(largest) - 30;
  if (roundHalfEven(largest * powerOfTwo(-inverseExponent)) > 0x7fffffff) inverseExponent += 1;
  const scale = powerOfTwo(-inverseExponent);
  return {
    inverse: Int32Array.from(inverse, (value) => roundHalfEven(value * scale)),
    inverseExponent,
  };
}

/** H⁻¹·v: an exact integer product, rounded once to 31 bits with a common exponent. */
export function newtonWeights(metric: NewtonMetric, query: QuantisedGradients): QueryWeights {
  const size = metric.gradients.dimensions;
  const rows: bigint[] = [];
  for (let j = 0; j < size; j++) rows.push(exactDot(query.values, 0, metric.inverse, j * size, size));
  const { values, shift } = roundTo31Bits(rows);
  return { values, exponents: [metric.inverseExponent + query.exponents[0]! + shift] };
}
