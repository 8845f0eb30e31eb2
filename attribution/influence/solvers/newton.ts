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
 * small system for each sample. Refinements then move the weights on, toward the optimum without the sample.
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
    refine(rest, head, l2, inverse, refinements, step);
  }
  return { inverse, steps };
}

/**
 * Four refinements, or as many as take less than about a minute: on data with little regularisation a few samples move
 * the weights so far that one Newton step is not enough (docs/influence.md, section 6).
 */
export function defaultRefinements(count: number, parameters: number): number {
  if (count === 1) return 0;
  return Math.min(4, Math.floor(MAX_REFINEMENT_PRODUCTS / 4 / (count * count * parameters)));
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

/**
 * Moves a step toward the optimum of the objective of `rest` by conjugate gradients (Polak and Ribière) with H⁻¹ as
 * preconditioner: z = H⁻¹g with g the gradient at the head's weights + step, d ← z + max(0, zᵀ(g − g′)/z′ᵀg′)·d (primes:
 * of the round before), step ← step − (gᵀd/dᵀH″d)·d, where H″ is the Hessian at the moved weights: the lowest point
 * along d as far as the objective is quadratic. A plain −z would overshoot where the moved weights meet more
 * curvature than H has.
 */
function refine(
  rest: LabelledFeatures,
  head: Head,
  l2: number,
  inverse: Float64Array,
  rounds: number,
  step: Float64Array,
): void {
  const size = step.length;
  let last: Float64Array = new Float64Array(size);
  let lastProduct = 0;
  const direction = new Float64Array(size);
  for (let round = 0; round < rounds; round++) {
    const moved = { ...head, weights: head.weights.map((weight, k) => weight + step[k]!) };
    const { gradient, probabilities } = objective(rest, moved, l2);
    const solved = Float64Array.from({ length: size }, (_, k) => dot(inverse, k * size, gradient, 0, size));
    const product = dot(solved, 0, gradient, 0, size);
    const change = product - dot(solved, 0, last, 0, size);
    const keep = lastProduct > 0 ? Math.max(0, change / lastProduct) : 0;
    for (let k = 0; k < size; k++) direction[k] = solved[k]! + keep * direction[k]!;
    const bend = curvatureAlong(rest, probabilities, l2, direction);
    if (!(bend > 0)) return;
    const by = dot(gradient, 0, direction, 0, size) / bend;
    for (let k = 0; k < size; k++) step[k]! -= by * direction[k]!;
    last = gradient;
    lastProduct = product;
  }
}

/** dᵀH″d = Σ over samples of the variance of d's logits under the sample's probabilities, + l2·|d|². */
function curvatureAlong(
  data: LabelledFeatures,
  probabilities: Float64Array,
  l2: number,
  direction: Float64Array,
): number {
  const { features, labels, width, classes } = data;
  const stride = width + 1;
  let sum = l2 * dot(direction, 0, direction, 0, direction.length);
  for (let i = 0; i < labels.length; i++) {
    let mean = 0;
    let square = 0;
    for (let c = 0; c < classes; c++) {
      const logit = dot(direction, c * stride, features, i * width, width) + direction[c * stride + width]!;
      const p = probabilities[i * classes + c]!;
      mean += p * logit;
      square += p * logit * logit;
    }
    sum += Math.max(0, square - mean * mean);
  }
  return sum;
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
