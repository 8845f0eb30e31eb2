import { exp } from '../../influence/arithmetic/exponential.ts';
import { compileKernel } from '../../kernels/load.ts';
import * as matrix from '../../kernels/matrix.wasm.ts';

/**
 * The contrastive loss of a batch: each text must find its partner among the partners of the batch, in both
 * directions, by a softmax over sharpness·product. Numbers are 32-bit floats; row i of `left` and `right` is the unit
 * vector of a text of pair i.
 */
export interface Contrast {
  readonly left: Float32Array;
  readonly right: Float32Array;
  /** Replaces both by the gradient of the loss. Pairs of one document are no wrong answers to each other. */
  differentiate(documents: ArrayLike<number>, sharpness: number): void;
}

type Multiply = (a: number, b: number, c: number, rows: number, inner: number, columns: number) => void;
const PAGE = 65_536;

/** Memory for batches of `size` pairs of `dimensions` numbers, both multiples of 16. */
export function createContrast(size: number, dimensions: number): Contrast {
  const vectors = size * dimensions;
  const square = size * size;
  const pages = Math.ceil((4 * (5 * vectors + 2 * square)) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const instance = new WebAssembly.Instance(compileKernel(matrix), { env: { memory } });
  const multiply = instance.exports['multiply'] as Multiply;
  let end = 0;
  const place = (count: number) => {
    end += 4 * count;
    return new Float32Array(memory.buffer, end - 4 * count, count);
  };
  const [left, right, turned, toLeft, toRight] = [vectors, vectors, vectors, vectors, vectors].map(place);
  const [pull, turnedPull] = [place(square), place(square)];
  return {
    left: left!,
    right: right!,
    differentiate: (documents, sharpness) => {
      transpose(right!, size, dimensions, turned!);
      multiply(left!.byteOffset, turned!.byteOffset, pull.byteOffset, size, dimensions, size);
      logitsToPull(pull, size, documents, sharpness);
      transpose(pull, size, size, turnedPull);
      multiply(pull.byteOffset, right!.byteOffset, toLeft!.byteOffset, size, size, dimensions);
      multiply(turnedPull.byteOffset, left!.byteOffset, toRight!.byteOffset, size, size, dimensions);
      left!.set(toLeft!);
      right!.set(toRight!);
    },
  };
}

/** What `multiply` does, in plain TypeScript: what the kernel is held against. */
export function plainMultiply(
  a: Float32Array,
  b: Float32Array,
  rows: number,
  inner: number,
  columns: number,
): Float32Array {
  const c = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++)
        sum = Math.fround(sum + Math.fround(a[i * inner + k]! * b[k * columns + j]!));
      c[i * columns + j] = sum;
    }
  return c;
}

function transpose(from: Float32Array, rows: number, columns: number, to: Float32Array): void {
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) to[j * rows + i] = from[i * columns + j]!;
}

/**
 * Products to the derivative of the loss by each: sharpness times the mean of both directions' probabilities, less 1
 * for the partner. Sums run in the order of the pairs.
 */
function logitsToPull(
  products: Float32Array,
  size: number,
  documents: ArrayLike<number>,
  sharpness: number,
): void {
  const powers = new Float64Array(size * size);
  const rowSums = new Float64Array(size);
  const columnSums = new Float64Array(size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) {
      if (i !== j && documents[i] === documents[j]) continue;
      // Unit vectors: no product exceeds 1 by more than rounding.
      const power = exp(sharpness * (products[i * size + j]! - 1));
      powers[i * size + j] = power;
      rowSums[i]! += power;
      columnSums[j]! += power;
    }
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) {
      const power = powers[i * size + j]!;
      const both = power / rowSums[i]! + power / columnSums[j]!;
      products[i * size + j] = sharpness * (both / 2 - (i === j ? 1 : 0));
    }
}
