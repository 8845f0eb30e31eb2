import { AttributionError } from '../../errors.ts';
import { dot } from '../arithmetic/linear-algebra.ts';
import { checkLayers, checkNumbers, checkRange } from '../check.ts';
import { MAX_EXPONENT_SPREAD, MAX_GRADIENT } from '../limits.ts';
import type { QuantisedGradients } from '../types.ts';
import { ownExponent, roundInto } from './quantise.ts';
import { type Arithmetic, createShard, defaultArithmetic, type Shard } from './shard.ts';

/** Rows of doubles, made one at a time, so that never more than one of them is held. */
export interface RowSource {
  readonly count: number;
  readonly layers: readonly number[];
  /** Writes row i; called two or three times for some rows, with the same result each time. */
  row(i: number, out: Float64Array): void;
}

/** Rows that are all in one array, row-major. */
export function rowsOf(numbers: Float64Array, count: number, layers: readonly number[]): RowSource {
  const size = layers.reduce((sum, layer) => sum + layer, 0);
  return { count, layers, row: (i, out) => out.set(numbers.subarray(i * size, (i + 1) * size)) };
}

/** Stands for the exponent of a row that is all zero in a layer, until the smallest of the layer is known. */
const NONE = -32768;

/**
 * Rounds rows to 16-bit integers with a power-of-two scale for each sample and layer: the largest number of a layer
 * takes 15 bits, halves go to even. A number is off by half a unit at most, which is 2⁻¹⁵·(1 + 2⁻¹⁵) of the largest
 * of its sample and layer, or that part of 2⁻²⁴ of the largest of the layer, whichever is more. Rows longer than the
 * `clipPercent`-th percentile of lengths (nearest rank) are first shortened to it, so that one outlier cannot take an
 * answer's whole credit; 100 shortens none.
 * @throws AttributionError 'InvalidParameter', 'ProblemTooLarge', 'InvalidNumber'.
 */
export function buildStore(
  source: RowSource,
  clipPercent: number,
  arithmetic: Arithmetic = defaultArithmetic(),
): QuantisedGradients {
  const { count, layers } = source;
  checkRange('clipPercent', clipPercent, 1, 100);
  const dimensions = checkLayers(count, layers);
  const writeDoubles = clippedRows(source, dimensions, clipPercent);
  const shard = createShard(layers, count, arithmetic);
  const exponents = new Int16Array(count * layers.length);
  const numbers = new Float64Array(dimensions);
  const values = new Int16Array(dimensions);
  const exponentsOf = (i: number) => exponents.subarray(i * layers.length, (i + 1) * layers.length);
  for (let i = 0; i < count; i++) {
    writeDoubles(i, numbers);
    checkNumbers('A gradient', numbers, MAX_GRADIENT);
    let start = 0;
    layers.forEach((length, layer) => {
      exponents[i * layers.length + layer] = ownExponent(numbers, start, length) ?? NONE;
      start += length;
    });
    shard.write(i, roundRow(numbers, layers, exponentsOf(i), values));
  }
  const { baseExponents, raised } = shareExponents(exponents, count, layers.length);
  for (const i of raised) {
    writeDoubles(i, numbers);
    shard.write(i, roundRow(numbers, layers, exponentsOf(i), values));
  }
  return { count, layers: [...layers], dimensions, exponents, baseExponents, shards: [shard] };
}

/** Rows as the source gives them, those that are too long shortened. */
function clippedRows(source: RowSource, dimensions: number, percent: number): RowSource['row'] {
  if (percent === 100) return source.row;
  const { count } = source;
  const numbers = new Float64Array(dimensions);
  const squares = Float64Array.from({ length: count }, (_, i) => {
    source.row(i, numbers);
    checkNumbers('A gradient', numbers, MAX_GRADIENT);
    return dot(numbers, 0, numbers, 0, dimensions);
  });
  const limit = Float64Array.from(squares).sort()[Math.ceil((count * percent) / 100) - 1]!;
  return (i, out) => {
    source.row(i, out);
    if (squares[i]! <= limit) return;
    const by = Math.sqrt(limit / squares[i]!);
    for (let j = 0; j < dimensions; j++) out[j]! *= by;
  };
}

/**
 * Raises exponents that are more than MAX_EXPONENT_SPREAD below the largest of their layer, and gives rows of zeros the
 * smallest. Returns the smallest of each layer, and the rows that must be rounded again.
 */
function shareExponents(
  exponents: Int16Array,
  count: number,
  layers: number,
): { baseExponents: number[]; raised: Set<number> } {
  const raised = new Set<number>();
  const baseExponents = Array.from({ length: layers }, (_, layer) => {
    let largest = NONE;
    for (let i = 0; i < count; i++) largest = Math.max(largest, exponents[i * layers + layer]!);
    if (largest === NONE) largest = 0;
    let base = largest;
    for (let i = 0; i < count; i++) {
      const own = exponents[i * layers + layer]!;
      if (own === NONE) continue;
      if (own < largest - MAX_EXPONENT_SPREAD) {
        exponents[i * layers + layer] = largest - MAX_EXPONENT_SPREAD;
        raised.add(i);
      }
      base = Math.min(base, exponents[i * layers + layer]!);
    }
    for (let i = 0; i < count; i++)
      if (exponents[i * layers + layer] === NONE) exponents[i * layers + layer] = base;
    return base;
  });
  return { baseExponents, raised };
}

function roundRow(
  numbers: Float64Array,
  layers: readonly number[],
  exponents: ArrayLike<number>,
  values: Int16Array,
): Int16Array {
  let start = 0;
  layers.forEach((length, layer) => {
    if (exponents[layer] === NONE) values.fill(0, start, start + length);
    else roundInto(values, numbers, start, length, exponents[layer]!);
    start += length;
  });
  return values;
}

/**
 * The 16-bit integers of one sample, a copy.
 * @throws AttributionError 'ShapeMismatch' if there is no sample i.
 */
export function readRow(gradients: QuantisedGradients, i: number): Int16Array {
  let row = Number.isSafeInteger(i) && i >= 0 ? i : gradients.count;
  for (const shard of gradients.shards) {
    if (row < shard.count) return shard.read(row);
    row -= shard.count;
  }
  throw new AttributionError('ShapeMismatch', `There is no sample ${i} among ${gradients.count}.`);
}

/**
 * The same store with its rows cut into shards of the given sizes, in new memories.
 * @throws AttributionError 'ShapeMismatch' if the sizes do not add up to the number of samples.
 */
export function cutStore(
  gradients: QuantisedGradients,
  sizes: readonly number[],
  arithmetic: Arithmetic = defaultArithmetic(),
): QuantisedGradients {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== gradients.count || !sizes.every((size) => Number.isSafeInteger(size) && size > 0))
    throw new AttributionError(
      'ShapeMismatch',
      `Shards of ${sizes.join(', ')} rows do not hold ${gradients.count} samples.`,
    );
  let first = 0;
  const shards = sizes.map((size): Shard => {
    const shard = createShard(gradients.layers, size, arithmetic);
    for (let row = 0; row < size; row++) shard.write(row, readRow(gradients, first + row));
    first += size;
    return shard;
  });
  return { ...gradients, shards };
}
