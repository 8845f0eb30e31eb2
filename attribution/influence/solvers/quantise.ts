import { binaryExponent, powerOfTwo } from '../arithmetic/exponential.ts';
import { roundHalfEven } from '../arithmetic/integers.ts';
import { MIN_GRADIENT } from '../limits.ts';

/** Numbers of one row as 16-bit integers: number j is values[j]·2^exponents[layer of j]. */
export interface QuantisedRow {
  readonly values: Int16Array;
  /** One a layer. */
  readonly exponents: readonly number[];
}

/** Rounds one row, such as the gradient of a query; a layer of zeros has exponent 0. */
export function quantiseRow(numbers: Float64Array, layers: readonly number[]): QuantisedRow {
  const values = new Int16Array(numbers.length);
  let start = 0;
  const exponents = layers.map((length) => {
    const exponent = ownExponent(numbers, start, length) ?? 0;
    roundInto(values, numbers, start, length, exponent);
    start += length;
    return exponent;
  });
  return { values, exponents };
}

/** The smallest e with every number, divided by 2^e and rounded, at most 32,767; undefined if all are zero. */
export function ownExponent(numbers: Float64Array, start: number, length: number): number | undefined {
  let largest = 0;
  for (let j = start; j < start + length; j++) largest = Math.max(largest, Math.abs(numbers[j]!));
  if (largest < MIN_GRADIENT) return undefined;
  const exponent = binaryExponent(largest) - 14;
  return roundHalfEven(largest * powerOfTwo(-exponent)) > 32767 ? exponent + 1 : exponent;
}

/** Divides by 2^exponent and rounds to the nearest, halves to even. */
export function roundInto(
  values: Int16Array,
  numbers: Float64Array,
  start: number,
  length: number,
  exponent: number,
): void {
  const scale = powerOfTwo(-exponent);
  for (let j = start; j < start + length; j++) values[j] = roundHalfEven(numbers[j]! * scale);
}
