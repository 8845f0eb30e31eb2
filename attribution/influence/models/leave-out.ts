import { choleskyFactor, choleskyInverse, dot } from '../arithmetic/linear-algebra.ts';
import { MAX_LEVERAGE_STEPS } from '../limits.ts';
import type { KroneckerGradients } from '../types.ts';
import { addOwnCurvature, checkWork, curvatureMatrix, denseGradients, layerSizes } from './curvature.ts';

/** A solution is good when its residual, measured by H⁻¹, is below this part of the gradient. */
const TOLERANCE = 1e-9;

/**
 * What leaving each sample out does to the parameters, one row a sample: H⁻¹·gᵢ, or with `ownCurvature` one Newton step
 * of the objective without the sample, (H − Hᵢ)⁻¹·gᵢ, where H is the curvature with damping and Hᵢ what sample i brought
 * to it.
 * @throws AttributionError 'InvalidParameter', 'ProblemTooLarge', 'NotConverged' if H is not positive definite.
 */
export function leaveOutSteps(
  gradients: KroneckerGradients,
  damping: number,
  ownCurvature: boolean,
): Float64Array {
  const count = gradients.starts.length - 1;
  const size = layerSizes(gradients).reduce((total, layer) => total + layer, 0);
  checkWork(count * (ownCurvature ? 1 + MAX_LEVERAGE_STEPS : 1) * size * size);
  const inverse = choleskyInverse(choleskyFactor(curvatureMatrix(gradients, damping), size), size);
  const rows = denseGradients(gradients);
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * size, (i + 1) * size);
    row.set(ownCurvature ? solveWithout(gradients, i, row, inverse) : times(inverse, row));
  }
  return rows;
}

/**
 * (H − Hᵢ)⁻¹·g by conjugate gradients preconditioned by H⁻¹. The preconditioned matrix is 1 but for the rank of Hᵢ, so
 * they end after that many steps. Where a sample carries all curvature of a direction there is no optimum without it,
 * and the last step that made progress counts. H itself is never multiplied: its products follow by recurrence.
 */
function solveWithout(
  gradients: KroneckerGradients,
  i: number,
  gradient: Float64Array,
  inverse: Float64Array,
): Float64Array {
  const size = gradient.length;
  const solution = new Float64Array(size);
  const residual = Float64Array.from(gradient);
  const direction = times(inverse, residual);
  // H·direction.
  const image = Float64Array.from(residual);
  const own = new Float64Array(size);
  let energy = dot(residual, 0, direction, 0, size);
  const enough = energy * TOLERANCE * TOLERANCE;
  for (let step = 0; step < MAX_LEVERAGE_STEPS && energy > enough; step++) {
    own.fill(0);
    addOwnCurvature(gradients, i, direction, own);
    const curvature = dot(direction, 0, image, 0, size) - dot(direction, 0, own, 0, size);
    if (!(curvature > 0)) break;
    const length = energy / curvature;
    for (let j = 0; j < size; j++) {
      solution[j]! += length * direction[j]!;
      residual[j]! -= length * (image[j]! - own[j]!);
    }
    const next = times(inverse, residual);
    const nextEnergy = dot(residual, 0, next, 0, size);
    const by = nextEnergy / energy;
    energy = nextEnergy;
    for (let j = 0; j < size; j++) {
      direction[j] = next[j]! + by * direction[j]!;
      image[j] = residual[j]! + by * image[j]!;
    }
  }
  return solution;
}

function times(matrix: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length;
  const result = new Float64Array(size);
  for (let a = 0; a < size; a++) result[a] = dot(matrix, a * size, vector, 0, size);
  return result;
}
