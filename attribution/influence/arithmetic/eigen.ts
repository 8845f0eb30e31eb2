import { AttributionError } from '../../errors.ts';
import { checkNumbers } from '../check.ts';
import { MAX_EIGEN_STEPS, MAX_MATRIX_NUMBER } from '../limits.ts';
import { dot } from './linear-algebra.ts';

/** matrix = Σ values[k]·vₖvₖᵀ, where vₖ is row k of `vectors` (size × size), orthonormal. In no order of size. */
export interface Eigen {
  readonly values: Float64Array;
  readonly vectors: Float64Array;
}

/** The unit roundoff: a coupling that is this part of its neighbours is zero. */
const ROUNDOFF = 2.220446049250313e-16;

/**
 * Eigenvalues and eigenvectors of a symmetric matrix in one written-down order: Householder reflections to a
 * tridiagonal matrix, column by column, then QL steps with Wilkinson's shift from the first eigenvalue on. Only
 * + − × ÷ and square roots. Reads the lower triangle.
 *
 * A coupling is zero when it is rounding beside its neighbours. Where a matrix has fewer directions than rows (images with
 * a black border), what stands for its zero eigenvalues is rounding of the large ones, and turning the block stirs it up
 * again: its couplings never fall below neighbours that are rounding themselves. If an eigenvalue takes more than
 * MAX_EIGEN_STEPS steps so, or a number is no longer finite, all begins again, and what is rounding beside the largest
 * number of the matrix is zero: couplings, and what a reflection would remove.
 * @throws AttributionError 'InvalidNumber' if a number is larger than MAX_MATRIX_NUMBER; 'NotConverged' if an eigenvalue
 * takes more than MAX_EIGEN_STEPS steps in the second way, too.
 */
export function eigenSymmetric(matrix: Float64Array, size: number): Eigen {
  checkNumbers('A number of a matrix', matrix, MAX_MATRIX_NUMBER);
  const found = eigenOf(matrix, size, 0) ?? eigenOf(matrix, size, ROUNDOFF * largest(matrix));
  if (found === undefined)
    throw new AttributionError('NotConverged', 'The eigenvalues of a factor could not be found.');
  return found;
}

/** Undefined if an eigenvalue takes too many steps. @param negligible numbers up to this are zero whatever stands
 * beside them. */
function eigenOf(matrix: Float64Array, size: number, negligible: number): Eigen | undefined {
  const { diagonal, coupling, vectors } = tridiagonalise(matrix, size, negligible);
  for (let first = 0; first < size; first++) {
    for (let steps = 0; ; steps++) {
      const last = endOfBlock(diagonal, coupling, first, negligible);
      if (last === first) break;
      if (steps === MAX_EIGEN_STEPS) return undefined;
      qlStep(diagonal, coupling, vectors, first, last);
    }
  }
  return diagonal.every(Number.isFinite) ? { values: diagonal, vectors } : undefined;
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** coupling[k] stands between k and k + 1. */
  readonly coupling: Float64Array;
  /** Row k is column k of the orthogonal Q with matrix = Q·T·Qᵀ. */
  readonly vectors: Float64Array;
}

function tridiagonalise(matrix: Float64Array, size: number, negligible: number): Tridiagonal {
  const a = Float64Array.from(matrix);
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) a[j * size + i] = a[i * size + j]!;
  const diagonal = new Float64Array(size);
  const coupling = new Float64Array(size);
  // Row k of `reflectors` holds, from place k + 1 on, the vector of reflection k; its factor is 2/|v|², or 0.
  const reflectors = new Float64Array(size * size);
  const factors = new Float64Array(size);
  for (let k = 0; k + 1 < size; k++) {
    const row = k * size;
    const rest = size - k - 1;
    const v = reflectors.subarray(row + k + 1, row + size);
    v.set(a.subarray(row + k + 1, row + size));
    const tail = dot(v, 1, v, 1, rest - 1);
    if (!(tail > negligible * negligible)) {
      coupling[k] = v[0]!;
      continue;
    }
    const length = Math.sqrt(v[0]! * v[0]! + tail);
    coupling[k] = v[0]! > 0 ? -length : length;
    v[0]! -= coupling[k]!;
    factors[k] = 2 / (v[0]! * v[0]! + tail);
    reflectTrailing(a, size, k + 1, v, factors[k]!);
  }
  for (let k = 0; k < size; k++) diagonal[k] = a[k * size + k]!;
  return { diagonal, coupling, vectors: accumulate(reflectors, factors, size) };
}

/** a ← PaP on rows and columns from `from` on, P = I − factor·vvᵀ: a − vwᵀ − wvᵀ with w = p − (factor/2·pᵀv)·v, p =
 * factor·a·v. */
function reflectTrailing(a: Float64Array, size: number, from: number, v: Float64Array, factor: number): void {
  const rest = v.length;
  const w = Float64Array.from(
    { length: rest },
    (_, i) => factor * dot(a, (from + i) * size + from, v, 0, rest),
  );
  const half = 0.5 * factor * dot(w, 0, v, 0, rest);
  for (let i = 0; i < rest; i++) w[i]! -= half * v[i]!;
  for (let i = 0; i < rest; i++) {
    const row = (from + i) * size + from;
    const vi = v[i]!;
    const wi = w[i]!;
    for (let j = 0; j < rest; j++) a[row + j]! -= vi * w[j]! + wi * v[j]!;
  }
}

/** The transpose of the product of all reflections, the last one first. */
function accumulate(reflectors: Float64Array, factors: Float64Array, size: number): Float64Array {
  const vectors = new Float64Array(size * size);
  for (let k = 0; k < size; k++) vectors[k * size + k] = 1;
  for (let k = size - 2; k >= 0; k--) {
    if (factors[k] === 0) continue;
    for (let row = k + 1; row < size; row++) {
      const by = factors[k]! * dot(vectors, row * size + k + 1, reflectors, k * size + k + 1, size - k - 1);
      for (let j = k + 1; j < size; j++) vectors[row * size + j]! -= by * reflectors[k * size + j]!;
    }
  }
  return vectors;
}

/** The last place of the block that begins at `first`: where the coupling to the next place is rounding. */
function endOfBlock(
  diagonal: Float64Array,
  coupling: Float64Array,
  first: number,
  negligible: number,
): number {
  let last = first;
  while (
    last + 1 < diagonal.length &&
    Math.abs(coupling[last]!) >
      Math.max(negligible, ROUNDOFF * (Math.abs(diagonal[last]!) + Math.abs(diagonal[last + 1]!)))
  )
    last += 1;
  return last;
}

function largest(numbers: Float64Array): number {
  let found = 0;
  for (const number of numbers) found = Math.max(found, Math.abs(number));
  return found;
}

/** One implicit QL step on the block from `first` to `last`: plane rotations from its end to its beginning. */
function qlStep(
  diagonal: Float64Array,
  coupling: Float64Array,
  vectors: Float64Array,
  first: number,
  last: number,
): void {
  const size = diagonal.length;
  const slope = (diagonal[first + 1]! - diagonal[first]!) / (2 * coupling[first]!);
  const root = Math.sqrt(slope * slope + 1);
  let bulge = diagonal[last]! - diagonal[first]! + coupling[first]! / (slope + (slope >= 0 ? root : -root));
  let sine = 1;
  let cosine = 1;
  let shift = 0;
  for (let i = last - 1; i >= first; i--) {
    const across = sine * coupling[i]!;
    const along = cosine * coupling[i]!;
    const length = Math.sqrt(across * across + bulge * bulge);
    coupling[i + 1] = length;
    if (length === 0) {
      // The block falls apart here: the next step takes the part that is left.
      diagonal[i + 1]! -= shift;
      coupling[last] = 0;
      return;
    }
    sine = across / length;
    cosine = bulge / length;
    const base = diagonal[i + 1]! - shift;
    const turned = (diagonal[i]! - base) * sine + 2 * cosine * along;
    shift = sine * turned;
    diagonal[i + 1] = base + shift;
    bulge = cosine * turned - along;
    const lower = i * size;
    const upper = lower + size;
    for (let j = 0; j < size; j++) {
      const high = vectors[upper + j]!;
      const low = vectors[lower + j]!;
      vectors[upper + j] = sine * low + cosine * high;
      vectors[lower + j] = cosine * low - sine * high;
    }
  }
  diagonal[first]! -= shift;
  coupling[first] = bulge;
  coupling[last] = 0;
}
