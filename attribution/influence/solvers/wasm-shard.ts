import * as influence from '../../kernels/influence.wasm.ts';
import { compileKernel } from '../../kernels/load.ts';
import { type Shard, segmentsOf } from './shard.ts';

/** attribution/kernels/assembly/influence.ts says what the arguments are. */
interface Kernel {
  products(
    rows: number,
    stride: number,
    count: number,
    table: number,
    segments: number,
    weights: number,
    plane: number,
    digits: number,
    out: number,
  ): void;
  sums(rows: number, stride: number, count: number, bytes: number, coefficients: number, out: number): void;
}

const PAGE = 65_536;
const LINE = 64;
/** Numbers of one vector register; every layer begins at a multiple of it. */
const LANES = 8;
/** Balanced digits of base 2¹¹, −1,024 to 1,023: three hold 32 bits, two hold what is at most 1,023·2¹¹ + 1,023. */
const BASE = 2048;
const TWO_DIGITS = 2_096_127;
/** Vectors of weights that are multiplied with a tile of rows before the next tile comes, so that the rows are read
 * from memory once for all of them; a tile is half of a usual second level cache. */
const GROUP = 8;
const TILE_BYTES = 262_144;

let compiled: WebAssembly.Module | undefined;

/** Rows in a WebAssembly memory of their own, of just the size that is needed. */
export function createWasmShard(layers: readonly number[], count: number): Shard {
  const columns = layers.reduce((sum, size) => sum + size, 0);
  const { places, width } = placesOf(layers);
  const parts = partsOf(layers, places);
  // An odd number of cache lines: columns of many rows then spread over all sets of a cache.
  const lines = Math.ceil((2 * width) / LINE);
  const stride = LINE * (lines % 2 === 0 ? lines + 1 : lines);

  let size = 0;
  const reserve = (bytes: number): number => {
    const at = size;
    size = LINE * Math.ceil((at + bytes) / LINE);
    return at;
  };
  const table = reserve(8 * parts.length);
  const weightsAt = reserve(GROUP * 6 * width);
  const coefficientsAt = reserve(12 * Math.ceil(count / 2));
  const productsAt = reserve(8 * count * parts.length);
  const sumsAt = reserve(8 * width);
  const rowsAt = reserve(count * stride);
  const pages = Math.ceil(size / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const kernel = instantiate(memory);

  const view = new DataView(memory.buffer);
  parts.forEach(({ from, length }, s) => {
    view.setUint32(table + 8 * s, 2 * from, true);
    view.setUint32(table + 8 * s + 4, 2 * LANES * Math.ceil(length / LANES), true);
  });
  const numbers = new Int16Array(memory.buffer);
  const planes = numbers.subarray(weightsAt / 2, weightsAt / 2 + 3 * GROUP * width);
  const digits = numbers.subarray(coefficientsAt / 2, coefficientsAt / 2 + 6 * Math.ceil(count / 2));
  const rowStart = (row: number) => (rowsAt + row * stride) / 2;

  /** Puts the digits of a vector into place `slot`, and returns how many of the three planes are needed. */
  const writeWeights = (weights: Float64Array, slot: number): number => {
    const first = 3 * slot * width;
    planes.fill(0, first, first + 3 * width);
    let most = 0;
    for (const { from, start, length } of parts)
      for (let j = 0; j < length; j++) {
        const value = weights[start + j]!;
        most = Math.max(most, Math.abs(value));
        writeDigits(planes, first + from + j, width, value);
      }
    return most <= TWO_DIGITS ? 2 : 3;
  };

  /** Products with at most GROUP vectors into `out`. */
  const productsOfGroup = (vectors: readonly Float64Array[], out: readonly BigInt64Array[]): void => {
    const used = vectors.map(writeWeights);
    const tile = vectors.length === 1 ? count : Math.max(2, Math.floor(TILE_BYTES / stride));
    for (let first = 0; first < count; first += tile) {
      const rows = Math.min(tile, count - first);
      const from = rowsAt + first * stride;
      for (let v = 0; v < vectors.length; v++) {
        const weights = weightsAt + 6 * v * width;
        const length = parts.length;
        kernel.products(from, stride, rows, table, length, weights, 2 * width, used[v]!, productsAt);
        out[v]!.set(new BigInt64Array(memory.buffer, productsAt, rows * length), first * length);
      }
    }
  };

  return {
    count,
    layers: layers.length,
    write: (row, values) => {
      for (const { from, start, length } of parts)
        numbers.set(values.subarray(start, start + length), rowStart(row) + from);
    },
    read: (row) => {
      const out = new Int16Array(columns);
      for (const { from, start, length } of parts) {
        const at = rowStart(row) + from;
        out.set(numbers.subarray(at, at + length), start);
      }
      return out;
    },
    products: (vectors) => {
      const out = vectors.map(() => new BigInt64Array(count * parts.length));
      for (let v = 0; v < vectors.length; v += GROUP)
        productsOfGroup(vectors.slice(v, v + GROUP), out.slice(v, v + GROUP));
      return out;
    },
    sums: (vectors) =>
      vectors.map((coefficients) => {
        const wide = new BigInt64Array(memory.buffer, sumsAt, width);
        wide.fill(0n);
        layers.forEach((size, layer) => {
          digits.fill(0);
          for (let row = 0; row < count; row++) {
            const at = 6 * Math.floor(row / 2) + (row % 2);
            writeDigits(digits, at, 2, coefficients[row * layers.length + layer]!);
          }
          const start = places[layer]!;
          const bytes = 2 * LANES * Math.ceil(size / LANES);
          kernel.sums(rowsAt + 2 * start, stride, count, bytes, coefficientsAt, sumsAt + 8 * start);
        });
        const out = new BigInt64Array(columns);
        for (const { from, start, length } of parts) out.set(wide.subarray(from, from + length), start);
        return out;
      }),
  };
}

function instantiate(memory: WebAssembly.Memory): Kernel {
  compiled ??= compileKernel(influence);
  // What the exports are is known from the source that the pinned bytes were compiled from.
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Kernel;
}

/** Where each layer begins in a padded row, and where the row ends. */
function placesOf(layers: readonly number[]): { places: readonly number[]; width: number } {
  let width = 0;
  const places = layers.map((size) => {
    const place = width;
    width += LANES * Math.ceil(size / LANES);
    return place;
  });
  return { places, width };
}

interface Part {
  /** First column, as the caller counts. */
  readonly start: number;
  readonly length: number;
  /** The same column in a padded row. */
  readonly from: number;
}

/** The segments and where they stand in a padded row. */
function partsOf(layers: readonly number[], places: readonly number[]): Part[] {
  let layer = -1;
  let from = 0;
  return segmentsOf(layers).map((segment) => {
    if (segment.layer !== layer) from = places[segment.layer]!;
    layer = segment.layer;
    const part = { start: segment.start, length: segment.length, from };
    from += segment.length;
    return part;
  });
}

/** value = d0·2²² + d1·2¹¹ + d2, |value| ≤ 2³¹, at `at`, `at + apart` and `at + 2·apart`. */
function writeDigits(out: Int16Array, at: number, apart: number, value: number): void {
  const rest = Math.floor((value + BASE / 2) / BASE);
  const high = Math.floor((rest + BASE / 2) / BASE);
  out[at] = high;
  out[at + apart] = rest - high * BASE;
  out[at + 2 * apart] = value - rest * BASE;
}
