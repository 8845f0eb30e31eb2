import { AttributionError } from '../../errors.ts';
import { choleskyFactor, choleskyInverse, dot, solveSmall } from '../arithmetic/linear-algebra.ts';
import { checkData, checkHead, checkRange } from '../check.ts';
import {
  MAX_EXACT_PARAMETERS,
  MAX_PREPARATION_PRODUCTS,
  MAX_REFINEMENT_PRODUCTS,
  MAX_REFINEMENTS,
} from '../limits.ts';
import { hessian, objective, predict } from '../trainer/objective.ts';
import type { Head, LabelledFeatures } from '../types.ts';

/** The inverse Hessian of a head, and what leaving each sample out does to its weights, in doubles. */
export interface NewtonParts {
  /** H⁻¹, classes·(width+1) squared, both triangles. */
  readonly inverse: Float64Array;
  /** n rows: the change of the weights when the sample is left out. */
  readonly steps: Float64Array;
}

/**
 * One-step Newton leave-one-out of a softmax head, refined. Sample i has Hessian XᵢSᵢXᵢᵀ (Xᵢ = I ⊗ (x, 1),
 * Sᵢ = diag p − ppᵀ) and residual rᵢ = p − y. Without it the optimum moves by
 * (H − XᵢSᵢXᵢᵀ)⁻¹Xᵢrᵢ = H⁻¹Xᵢ(I − SᵢKᵢ)⁻¹rᵢ with Kᵢ = XᵢᵀH⁻¹Xᵢ, by the push-through identity: the correction is a
 * small system for each sample. A refinement takes the gradient of the objective without the sample at the moved
 * weights, and moves them on by −H⁻¹·gradient.
 * @throws AttributionError as checkData and checkHead; 'InvalidParameter' for more than MAX_EXACT_PARAMETERS
 * parameters; 'ProblemTooLarge' for more than MAX_PREPARATION_PRODUCTS or MAX_REFINEMENT_PRODUCTS; 'NotConverged' if the
 * Hessian is not positive definite.
 */
export function newtonParts(
  data: LabelledFeatures,
  head: Head,
  l2: number,
  refinements: number = defaultRefinements(data.labels.length, head.weights.length),
): NewtonParts {
  checkData(data);
  checkHead(head, data.width, data.classes);
  const count = data.labels.length;
  const size = head.weights.length;
  checkRange('number of parameters', size, 1, MAX_EXACT_PARAMETERS);
  if (count * size * size > MAX_PREPARATION_PRODUCTS)
    throw new AttributionError(
      'ProblemTooLarge',
      `Solving for ${count} samples × ${size} parameters takes too long. Use fewer samples, or another solver.`,
    );
  checkRefinements(count, size, refinements);
  const probabilities = new Float64Array(count * data.classes);
  data.labels.forEach((label, i) => {
    const p = probabilities.subarray(i * data.classes, (i + 1) * data.classes);
    predict(head, data.features, i * data.width, label, p);
  });
  const inverse = choleskyInverse(choleskyFactor(hessian(data, probabilities, l2), size), size);
  const steps = new Float64Array(count * size);
  oneStep(data, probabilities, inverse, steps);
  for (let i = 0; i < count && refinements > 0; i++) {
    const rest = withoutSample(data, i);
    const step = steps.subarray(i * size, (i + 1) * size);
    for (let round = 0; round < refinements; round++) refine(rest, head, l2, inverse, step);
  }
  return { inverse, steps };
}

/**
 * One refinement where it takes seconds, none where it would take minutes: on data with little regularisation a few
 * samples move the weights so far that one step is not enough (docs/influence.md, section 6).
 */
export function defaultRefinements(count: number, parameters: number): number {
  return count > 1 && count * count * parameters <= MAX_REFINEMENT_PRODUCTS / 4 ? 1 : 0;
}

function checkRefinements(count: number, size: number, refinements: number): void {
  checkRange('number of refinements', refinements, 0, MAX_REFINEMENTS);
  if (refinements === 0) return;
  if (count === 1)
    throw new AttributionError('InvalidParameter', 'One sample alone leaves nothing to refine with.');
  if (refinements * count * count * size > MAX_REFINEMENT_PRODUCTS)
    throw new AttributionError(
      'ProblemTooLarge',
      `Refining ${count} samples × ${size} parameters ${refinements} times takes too long. Use fewer refinements.`,
    );
}

/** H⁻¹Xᵢ(I − SᵢKᵢ)⁻¹rᵢ of every sample into `steps`. */
function oneStep(
  data: LabelledFeatures,
  probabilities: Float64Array,
  inverse: Float64Array,
  steps: Float64Array,
): void {
  const { features, labels, width, classes } = data;
  const stride = width + 1;
  const size = classes * stride;
  const x = new Float64Array(stride).fill(1);
  const solved = new Float64Array(size * classes);
  const leverage = new Float64Array(classes * classes);
  const system = new Float64Array(classes * classes);
  labels.forEach((label, i) => {
    x.set(features.subarray(i * width, (i + 1) * width));
    // H⁻¹Xᵢ: row r, column b is row r of H⁻¹ times (x, 1) in the place of class b.
    for (let r = 0; r < size; r++)
      for (let b = 0; b < classes; b++)
        solved[r * classes + b] = dot(inverse, r * size + b * stride, x, 0, stride);
    quadraticForms(solved, x, classes, leverage);
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
    for (let r = 0; r < size; r++) steps[i * size + r] = dot(solved, r * classes, corrected, 0, classes);
  });
}

/** out[a, b] = (x, 1)ᵀ·(block a of column b of H⁻¹Xᵢ). */
function quadraticForms(solved: Float64Array, x: Float64Array, classes: number, out: Float64Array): void {
  const stride = x.length;
  for (let a = 0; a < classes; a++)
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let j = 0; j < stride; j++) sum += x[j]! * solved[(a * stride + j) * classes + b]!;
      out[a * classes + b] = sum;
      out[b * classes + a] = sum;
    }
}

/** step ← step − H⁻¹·(gradient of the objective of `rest` at the head's weights + step). */
function refine(
  rest: LabelledFeatures,
  head: Head,
  l2: number,
  inverse: Float64Array,
  step: Float64Array,
): void {
  const size = step.length;
  const moved = { ...head, weights: head.weights.map((weight, k) => weight + step[k]!) };
  const { gradient } = objective(rest, moved, l2);
  for (let k = 0; k < size; k++) step[k]! -= dot(inverse, k * size, gradient, 0, size);
}

function withoutSample(data: LabelledFeatures, left: number): LabelledFeatures {
  const { width } = data;
  const features = new Float64Array(data.features.length - width);
  features.set(data.features.subarray(0, left * width));
  features.set(data.features.subarray((left + 1) * width), left * width);
  const labels = new Int32Array(data.labels.length - 1);
  labels.set(data.labels.subarray(0, left));
  labels.set(data.labels.subarray(left + 1), left);
  return { ...data, features, labels };
}
