import { keccak_256 } from '@noble/hashes/sha3.js';
import { toHex } from '../../credit/bytes.ts';
import { AttributionError } from '../../errors.ts';
import { createTrainingGenerator } from '../arithmetic/generator.ts';
import { dot } from '../arithmetic/linear-algebra.ts';
import { checkRange } from '../check.ts';
import { MAX_EXACT_PARAMETERS, PROJECTION_PASSES } from '../limits.ts';
import type { KroneckerGradients } from '../types.ts';

/** A subspace of the first layer's inputs in which gradients and curvature are taken. */
export interface Projection {
  readonly rank: number;
  readonly inputWidth: number;
  /** rank × inputWidth, orthonormal rows. */
  readonly basis: Float64Array;
}

/** Purpose of the generator that draws the first basis. */
const FIRST_BASIS = 2;
/** A direction that keeps less than this part of its length beside the others is drawn anew from the unit vectors. */
const DEPENDENT = 1e-8;

/**
 * The `rank` directions in which the inputs of the first layer vary most (about zero): subspace iteration on their
 * second moments from a fixed start, Gram–Schmidt twice after each pass. Only the subspace matters, and no answer hangs
 * on one of its last directions.
 * @throws AttributionError 'InvalidParameter' for a rank that is not from 1 to the number of inputs.
 */
export function principalProjection(gradients: KroneckerGradients, rank: number): Projection {
  const { inputWidth, inputs } = gradients.layers[0]!;
  checkRange('size of a layer to project', inputWidth, 1, MAX_EXACT_PARAMETERS);
  checkRange('projected size', rank, 1, inputWidth);
  const moments = secondMoments(inputs, inputWidth);
  const draws = createTrainingGenerator(new Uint8Array(), FIRST_BASIS);
  let basis = Float64Array.from({ length: rank * inputWidth }, () => draws.signed());
  orthonormalise(basis, rank, inputWidth);
  for (let pass = 0; pass < PROJECTION_PASSES; pass++) {
    const next = new Float64Array(rank * inputWidth);
    for (let k = 0; k < rank; k++)
      for (let j = 0; j < inputWidth; j++)
        next[k * inputWidth + j] = dot(basis, k * inputWidth, moments, j * inputWidth, inputWidth);
    orthonormalise(next, rank, inputWidth);
    basis = next;
  }
  return { rank, inputWidth, basis };
}

function secondMoments(inputs: Float64Array, size: number): Float64Array {
  const moments = new Float64Array(size * size);
  for (let at = 0; at < inputs.length; at += size)
    for (let a = 0; a < size; a++) {
      const by = inputs[at + a]!;
      if (by !== 0) for (let b = 0; b <= a; b++) moments[a * size + b]! += by * inputs[at + b]!;
    }
  for (let a = 0; a < size; a++) for (let b = 0; b < a; b++) moments[b * size + a] = moments[a * size + b]!;
  return moments;
}

/** Gram–Schmidt over the rows, each against those before it, twice. */
function orthonormalise(rows: Float64Array, count: number, size: number): void {
  // Unit vectors that may stand in for a row that depends on those before it.
  let unit = 0;
  for (let k = 0; k < count; k++) {
    const row = rows.subarray(k * size, (k + 1) * size);
    while (!clean(rows, k, size, row)) {
      if (unit === size) throw new AttributionError('NotConverged', 'The projection found no basis.');
      row.fill(0);
      row[unit++] = 1;
    }
  }
}

/** Takes from a row what lies along those before it, and gives it length 1; false if too little is left. */
function clean(rows: Float64Array, before: number, size: number, row: Float64Array): boolean {
  const length = Math.sqrt(dot(row, 0, row, 0, size));
  if (!(length > 0)) return false;
  for (let j = 0; j < size; j++) row[j]! /= length;
  for (let round = 0; round < 2; round++)
    for (let k = 0; k < before; k++) {
      const along = dot(row, 0, rows, k * size, size);
      for (let j = 0; j < size; j++) row[j]! -= along * rows[k * size + j]!;
    }
  const left = Math.sqrt(dot(row, 0, row, 0, size));
  if (!(left > DEPENDENT)) return false;
  for (let j = 0; j < size; j++) row[j]! /= left;
  return true;
}

/** The same gradients and curvature with the first layer's inputs replaced by their coordinates in the subspace. */
export function project(gradients: KroneckerGradients, projection: Projection): KroneckerGradients {
  const [first, ...others] = gradients.layers;
  const { inputWidth, basis, rank } = projection;
  if (first!.inputWidth !== inputWidth)
    throw new AttributionError(
      'ShapeMismatch',
      `The projection takes ${inputWidth} inputs, the first layer has ${first!.inputWidth}.`,
    );
  const positions = first!.inputs.length / inputWidth;
  const inputs = new Float64Array(positions * rank);
  for (let t = 0; t < positions; t++)
    for (let k = 0; k < rank; k++)
      inputs[t * rank + k] = dot(first!.inputs, t * inputWidth, basis, k * inputWidth, inputWidth);
  return { ...gradients, layers: [{ ...first!, inputWidth: rank, inputs }, ...others] };
}

/** keccak-256 of (`OL/projection/v1` ‖ rank, inputWidth (4 bytes each) ‖ basis as doubles), big-endian. */
export function projectionHash({ rank, inputWidth, basis }: Projection): string {
  const view = new DataView(new ArrayBuffer(8 + 8 * basis.length));
  view.setUint32(0, rank);
  view.setUint32(4, inputWidth);
  basis.forEach((value, i) => {
    view.setFloat64(8 + 8 * i, value === 0 ? 0 : value);
  });
  return toHex(keccak_256.create().update(DOMAIN).update(new Uint8Array(view.buffer)).digest());
}

const DOMAIN = new TextEncoder().encode('OL/projection/v1');
