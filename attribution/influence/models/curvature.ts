import { AttributionError } from '../../errors.ts';
import { dot } from '../arithmetic/linear-algebra.ts';
import { checkRange } from '../check.ts';
import { MAX_EXACT_PARAMETERS, MAX_PREPARATION_PRODUCTS } from '../limits.ts';
import { kroneckerRows } from '../solvers/kronecker.ts';
import type { KroneckerGradients, KroneckerLayer } from '../types.ts';

/** Numbers of each layer's gradient, as solvers take them. */
export function layerSizes(gradients: KroneckerGradients): number[] {
  return gradients.layers.map(({ inputWidth, errorWidth }) => inputWidth * errorWidth);
}

/** Gradients written out, one row a sample. */
export function denseGradients(gradients: KroneckerGradients): Float64Array {
  const { count, layers, row } = kroneckerRows(gradients);
  const size = sum(layers);
  const dense = new Float64Array(count * size);
  for (let i = 0; i < count; i++) row(i, dense.subarray(i * size, (i + 1) * size));
  return dense;
}

/**
 * The curvature Σ k·kᵀ + damping·I over all positions and draws, both triangles; k is the draw's gradient over all
 * layers. With one draw for each answer it is the Gauss–Newton matrix, for a head the Hessian. The block of layers l, m
 * at a position is (Σ over draws of errorₗ·errorₘᵀ) ⊗ (inputₗ·inputₘᵀ).
 * @throws AttributionError 'InvalidParameter' for more than MAX_EXACT_PARAMETERS parameters, 'ProblemTooLarge' for more
 * than MAX_PREPARATION_PRODUCTS multiplications.
 */
export function curvatureMatrix(gradients: KroneckerGradients, damping: number): Float64Array {
  const { starts, layers } = gradients;
  const sizes = layerSizes(gradients);
  const size = sum(sizes);
  checkRange('number of parameters', size, 1, MAX_EXACT_PARAMETERS);
  const errors = sum(layers.map(({ errorWidth }) => errorWidth));
  checkWork(starts.at(-1)! * (size * size + layers[0]!.draws * errors * errors));
  const matrix = new Float64Array(size * size);
  let rowStart = 0;
  layers.forEach((rows, l) => {
    let columnStart = 0;
    for (let m = 0; m <= l; m++) {
      addBlock(rows, layers[m]!, matrix, size, rowStart, columnStart);
      columnStart += sizes[m]!;
    }
    rowStart += sizes[l]!;
  });
  for (let a = 0; a < size; a++) {
    matrix[a * size + a]! += damping;
    for (let b = 0; b < a; b++) matrix[b * size + a] = matrix[a * size + b]!;
  }
  return matrix;
}

/** Throws AttributionError 'ProblemTooLarge'. */
export function checkWork(multiplications: number): void {
  if (multiplications > MAX_PREPARATION_PRODUCTS)
    throw new AttributionError(
      'ProblemTooLarge',
      `${multiplications} multiplications are more than ${MAX_PREPARATION_PRODUCTS}. Use fewer samples, a smaller model or a projection.`,
    );
}

/** Adds the blocks of two layers below the diagonal: pairs of errors outside, positions inside. */
function addBlock(
  rows: KroneckerLayer,
  columns: KroneckerLayer,
  matrix: Float64Array,
  size: number,
  rowStart: number,
  columnStart: number,
): void {
  const diagonal = rows === columns;
  for (let e = 0; e < rows.errorWidth; e++)
    for (let f = 0; f < (diagonal ? e + 1 : columns.errorWidth); f++) {
      const corner = (rowStart + e * rows.inputWidth) * size + columnStart + f * columns.inputWidth;
      errorProducts(rows, columns, e, f).forEach((by, t) => {
        for (let j = 0; by !== 0 && j < rows.inputWidth; j++) {
          const scaled = by * rows.inputs[t * rows.inputWidth + j]!;
          const length = diagonal && e === f ? j + 1 : columns.inputWidth;
          addScaled(scaled, columns.inputs, t * columns.inputWidth, length, matrix, corner + j * size);
        }
      });
    }
}

/** Σ over the draws of error e of one layer and error f of another, at every position. */
function errorProducts(rows: KroneckerLayer, columns: KroneckerLayer, e: number, f: number): Float64Array {
  const { draws, errorWidth } = rows;
  return Float64Array.from({ length: rows.inputs.length / rows.inputWidth }, (_, t) => {
    let product = 0;
    for (let draw = t * draws; draw < (t + 1) * draws; draw++)
      product += rows.curvature[draw * errorWidth + e]! * columns.curvature[draw * columns.errorWidth + f]!;
    return product;
  });
}

/** Adds sample i's own part of the curvature, Σ k·kᵀ·v over its positions and draws, to `out`. */
export function addOwnCurvature(
  { starts, layers }: KroneckerGradients,
  i: number,
  v: Float64Array,
  out: Float64Array,
): void {
  const { draws } = layers[0]!;
  const along = new Float64Array(draws);
  for (let t = starts[i]!; t < starts[i + 1]!; t++) {
    along.fill(0);
    let at = 0;
    for (const { inputs, inputWidth, curvature, errorWidth } of layers) {
      for (let e = 0; e < errorWidth; e++) {
        const product = dot(v, at + e * inputWidth, inputs, t * inputWidth, inputWidth);
        for (let draw = 0; draw < draws; draw++)
          along[draw]! += product * curvature[(t * draws + draw) * errorWidth + e]!;
      }
      at += inputWidth * errorWidth;
    }
    at = 0;
    for (const { inputs, inputWidth, curvature, errorWidth } of layers) {
      for (let e = 0; e < errorWidth; e++) {
        let by = 0;
        for (let draw = 0; draw < draws; draw++)
          by += along[draw]! * curvature[(t * draws + draw) * errorWidth + e]!;
        addScaled(by, inputs, t * inputWidth, inputWidth, out, at + e * inputWidth);
      }
      at += inputWidth * errorWidth;
    }
  }
}

function addScaled(
  by: number,
  numbers: Float64Array,
  start: number,
  length: number,
  out: Float64Array,
  at: number,
): void {
  if (by !== 0) for (let j = 0; j < length; j++) out[at + j]! += by * numbers[start + j]!;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
