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
 * Big integers as numbers of at most 31 bits and one shift: values[i] ≈ result.values[i]·2^shift, to the nearest,
 * halves to even.
 */
export function roundTo31Bits(values: readonly bigint[]): { values: Float64Array; shift: number } {
  let largest = 0n;
  for (const value of values) {
    const size = value < 0n ? -value : value;
    if (size > largest) largest = size;
  }
  const shift = Math.max(0, bitLength(largest) - 31);
  return { values: Float64Array.from(values, (value) => Number(shiftHalfEven(value, shift))), shift };
}

/** Binary digits of a non-negative integer; 0 has none. */
export function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}
