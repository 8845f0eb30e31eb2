import { AttributionError } from '../../errors.ts';

/**
 * Σ a[i]·b[i] over `length` numbers in the one order that this engine knows: four running sums over i mod 4, added as
 * (s₀ + s₁) + (s₂ + s₃), then the last length mod 4 products one by one.
 */
export function dot(
  a: Float64Array,
  aStart: number,
  b: Float64Array,
  bStart: number,
  length: number,
): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const whole = length - (length % 4);
  for (let i = 0; i < whole; i += 4) {
    s0 += a[aStart + i]! * b[bStart + i]!;
    s1 += a[aStart + i + 1]! * b[bStart + i + 1]!;
    s2 += a[aStart + i + 2]! * b[bStart + i + 2]!;
    s3 += a[aStart + i + 3]! * b[bStart + i + 3]!;
  }
  let sum = s0 + s1 + (s2 + s3);
  for (let i = whole; i < length; i++) sum += a[aStart + i]! * b[bStart + i]!;
  return sum;
}

/**
 * Cholesky factor L (row-major, lower triangle) of a symmetric matrix of which the lower triangle is read; row by row.
 * @throws AttributionError 'NotConverged' if the matrix is not positive definite.
 */
export function choleskyFactor(matrix: Float64Array, size: number): Float64Array {
  const factor = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) {
      const rest = matrix[i * size + j]! - dot(factor, i * size, factor, j * size, j);
      factor[i * size + j] = rest / factor[j * size + j]!;
    }
    const pivot = matrix[i * size + i]! - dot(factor, i * size, factor, i * size, i);
    if (!(pivot > 0))
      throw new AttributionError(
        'NotConverged',
        'The Hessian is not positive definite. Train with more regularisation (l2Micro).',
      );
    factor[i * size + i] = Math.sqrt(pivot);
  }
  return factor;
}

/** x with L·Lᵀ·x = b. */
export function choleskySolve(factor: Float64Array, size: number, b: Float64Array): Float64Array {
  const x = Float64Array.from(b);
  for (let i = 0; i < size; i++) x[i] = (x[i]! - dot(factor, i * size, x, 0, i)) / factor[i * size + i]!;
  for (let i = size - 1; i >= 0; i--) {
    const value = x[i]! / factor[i * size + i]!;
    x[i] = value;
    for (let j = 0; j < i; j++) x[j]! -= factor[i * size + j]! * value;
  }
  return x;
}

/** (L·Lᵀ)⁻¹, both triangles: the columns of L⁻¹ by forward substitution, then their products. */
export function choleskyInverse(factor: Float64Array, size: number): Float64Array {
  // Row j of `columns` is column j of L⁻¹, zero before position j.
  const columns = new Float64Array(size * size);
  for (let j = 0; j < size; j++) {
    columns[j * size + j] = 1 / factor[j * size + j]!;
    for (let i = j + 1; i < size; i++)
      columns[j * size + i] =
        -dot(factor, i * size + j, columns, j * size + j, i - j) / factor[i * size + i]!;
  }
  const inverse = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      const value = dot(columns, i * size + i, columns, j * size + i, size - i);
      inverse[i * size + j] = value;
      inverse[j * size + i] = value;
    }
  return inverse;
}

/**
 * x with A·x = b for a small square matrix: Gaussian elimination, the pivot of a column is its largest absolute value,
 * ties to the lowest row. Overwrites both arguments and returns b.
 * @throws AttributionError 'NotConverged' if the matrix is singular.
 */
export function solveSmall(matrix: Float64Array, size: number, b: Float64Array): Float64Array {
  for (let k = 0; k < size; k++) {
    let pivot = k;
    for (let i = k + 1; i < size; i++)
      if (Math.abs(matrix[i * size + k]!) > Math.abs(matrix[pivot * size + k]!)) pivot = i;
    if (!(Math.abs(matrix[pivot * size + k]!) > 0))
      throw new AttributionError(
        'NotConverged',
        'A sample cannot be removed: without it the model has no optimum. Train with more regularisation (l2Micro).',
      );
    if (pivot !== k) {
      for (let j = k; j < size; j++) swap(matrix, k * size + j, pivot * size + j);
      swap(b, k, pivot);
    }
    for (let i = k + 1; i < size; i++) {
      const by = matrix[i * size + k]! / matrix[k * size + k]!;
      for (let j = k; j < size; j++) matrix[i * size + j]! -= by * matrix[k * size + j]!;
      b[i]! -= by * b[k]!;
    }
  }
  for (let i = size - 1; i >= 0; i--) {
    let rest = b[i]!;
    for (let j = i + 1; j < size; j++) rest -= matrix[i * size + j]! * b[j]!;
    b[i] = rest / matrix[i * size + i]!;
  }
  return b;
}

function swap(array: Float64Array, i: number, j: number): void {
  const kept = array[i]!;
  array[i] = array[j]!;
  array[j] = kept;
}
