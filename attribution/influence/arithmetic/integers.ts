import { AttributionError } from '../../errors.ts';
import { binaryExponent, powerOfTwo } from './exponential.ts';

/** 1.5·2⁵²: adding and subtracting it rounds a double to a whole number, halves to even (IEEE 754). */
const ROUNDER = 6755399441055744;

/** The nearest whole number of |x| < 2⁵¹, halves to even. */
export function roundHalfEven(x: number): number {
  return x + ROUNDER - ROUNDER;
}

/** value / 2^shift, rounded to the nearest integer, halves to even; shift ≥ 0. */
export function shiftHalfEven(value: bigint, shift: number): bigint {
  if (shift === 0) return value;
  const by = BigInt(shift);
  const floor = value >> by;
  const rest = value - (floor << by);
  const half = 1n << (by - 1n);
  return rest > half || (rest === half && (floor & 1n) === 1n) ? floor + 1n : floor;
}

/**
 * Doubles as 32-bit integers with one power-of-two scale: the largest takes 31 bits, halves go to even. Values i is
 * values[i]·2^exponent.
 * @throws AttributionError 'NotConverged' if the largest is not between 10⁻²⁰⁰ and 10²⁰⁰.
 */
export function quantiseTo31Bits(numbers: Float64Array): { values: Int32Array; exponent: number } {
  let largest = 0;
  for (const number of numbers) largest = Math.max(largest, Math.abs(number));
  if (!(largest > 1e-200 && largest < 1e200))
    throw new AttributionError(
      'NotConverged',
      'The inverse curvature is out of range. Scale the features to about 1.',
    );
  let exponent = binaryExponent(largest) - 30;
  if (roundHalfEven(largest * powerOfTwo(-exponent)) > 0x7fffffff) exponent += 1;
  const scale = powerOfTwo(-exponent);
  return { values: Int32Array.from(numbers, (number) => roundHalfEven(number * scale)), exponent };
}

/**
 * Big integers as numbers of at most 31 bits and one shift: values[i] ≈ result.values[i]·2^shift, to the nearest,
 * halves to even.
 */
export function roundTo31Bits(values: ArrayLike<bigint>): { values: Float64Array; shift: number } {
  let most = 0n;
  let least = 0n;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value > most) most = value;
    else if (value < least) least = value;
  }
  const shift = Math.max(0, bitLength(most > -least ? most : -least) - 31);
  const out = new Float64Array(values.length);
  // Twenty bits more than are kept decide, in numbers, unless they are just one half.
  const guarded = BigInt(Math.max(0, shift - 20));
  const unit = shift < 20 ? powerOfTwo(shift) : 1048576;
  for (let i = 0; i < values.length; i++) {
    const scaled = Number(values[i]! >> guarded);
    const floor = Math.floor(scaled / unit);
    const rest = scaled - floor * unit;
    if (2 * rest === unit) out[i] = Number(shiftHalfEven(values[i]!, shift));
    else out[i] = 2 * rest > unit ? floor + 1 : floor;
  }
  return { values: out, shift };
}

/** Binary digits of a non-negative integer; 0 has none. */
export function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}
