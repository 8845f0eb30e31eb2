import { AttributionError } from '../../errors.ts';
import { choleskyFactor, choleskySolve } from '../arithmetic/linear-algebra.ts';
import { checkRange } from '../check.ts';
import { MAX_EXACT_PARAMETERS, MAX_NEWTON_STEPS, MAX_STEP_HALVINGS } from '../limits.ts';
import type { Head, LabelledFeatures } from '../types.ts';
import { hessian, objective } from './objective.ts';

/** A step may raise the objective by this part of it: near the optimum the difference is rounding. */
const SLACK = 1e-12;
/** At the optimum no component of the gradient exceeds this part of Σᵢ max(1, largest |feature| of sample i). */
const TOLERANCE = 1e-12;

/**
 * Newton's method from zero with halved steps, to the unique optimum of Σ loss + l2/2·|θ|².
 * @throws AttributionError 'InvalidParameter' for more than MAX_EXACT_PARAMETERS parameters, 'NotConverged' if the
 * optimum is not reached.
 */
export function trainByNewton(data: LabelledFeatures, l2: number): Head {
  const { width, classes } = data;
  const size = classes * (width + 1);
  checkRange('number of parameters', size, 1, MAX_EXACT_PARAMETERS);
  const tolerance = TOLERANCE * gradientScale(data);
  let head: Head = { weights: new Float64Array(size), width, classes };
  let here = objective(data, head, l2);
  for (let step = 0; step < MAX_NEWTON_STEPS; step++) {
    if (here.gradient.every((component) => Math.abs(component) <= tolerance)) return head;
    const factor = choleskyFactor(hessian(data, here.probabilities, l2), size);
    const direction = choleskySolve(factor, size, here.gradient);
    let length = 1;
    for (let halvings = 0; ; halvings++) {
      const candidate = {
        weights: head.weights.map((weight, i) => weight - length * direction[i]!),
        width,
        classes,
      };
      const there = objective(data, candidate, l2);
      if (there.value <= here.value + SLACK * Math.abs(here.value)) {
        head = candidate;
        here = there;
        break;
      }
      if (halvings === MAX_STEP_HALVINGS) throw notConverged();
      length /= 2;
    }
  }
  throw notConverged();
}

function gradientScale(data: LabelledFeatures): number {
  let sum = 0;
  for (let i = 0; i < data.labels.length; i++) {
    let largest = 1;
    for (let j = 0; j < data.width; j++)
      largest = Math.max(largest, Math.abs(data.features[i * data.width + j]!));
    sum += largest;
  }
  return sum;
}

function notConverged(): AttributionError {
  return new AttributionError(
    'NotConverged',
    'Training did not reach the optimum. Scale the features to about 1, or train with more regularisation (l2Micro).',
  );
}
