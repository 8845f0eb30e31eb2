import { AttributionError } from '../errors.ts';

/** Fraction bits of every surprisal: 65,536 units are one bit. */
export const SURPRISAL_FRACTION_BITS = 16;

/**
 * ⌊2¹⁶·log₂(a/b)⌋ for integers a ≥ b ≥ 1: the largest k with 2ᵏ·b⁶⁵⁵³⁶ ≤ a⁶⁵⁵³⁶, exactly.
 *
 * Binary digits of the logarithm come one by one: a/b is scaled into [1, 2), and each squaring doubles its logarithm,
 * so that the next digit says whether the square reached 2. The square is kept between two integers (a lower and an
 * upper bound with `precision` fraction bits); when they disagree on a digit the work starts again with twice the
 * precision. It ends: if a/b is a power of two the bounds are equal, else the logarithm is irrational and some
 * precision separates it from the next digit.
 * @throws AttributionError 'InvalidParameter' unless a ≥ b ≥ 1 are safe integers.
 */
export function log2RatioQ16(a: number, b: number): number {
  if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b) || b < 1 || a < b)
    throw new AttributionError(
      'InvalidParameter',
      `A logarithm of ${a}/${b} was asked for; a ≥ b ≥ 1 is needed.`,
    );
  const numerator = BigInt(a);
  const denominator = BigInt(b);
  let whole = 0n;
  while (denominator << (whole + 1n) <= numerator) whole++;
  for (let precision = 96n; ; precision *= 2n) {
    const digits = fractionDigits(numerator, denominator << whole, precision);
    if (digits !== undefined) return Number(whole) * 65536 + digits;
  }
}

/** The first 16 binary digits of log₂(n/d) for n/d in [1, 2), or undefined if `precision` bits do not decide them. */
function fractionDigits(n: bigint, d: bigint, precision: bigint): number | undefined {
  const two = 2n << precision;
  let low = (n << precision) / d;
  let high = low * d === n << precision ? low : low + 1n;
  let digits = 0;
  for (let i = 0; i < SURPRISAL_FRACTION_BITS; i++) {
    low = (low * low) >> precision;
    high = -((-high * high) >> precision);
    digits *= 2;
    if (low >= two) {
      digits += 1;
      low >>= 1n;
      high = (high + 1n) >> 1n;
    } else if (high >= two) return undefined;
  }
  return digits;
}

/**
 * Surprisal of a token in 2⁻¹⁶ bit: ⌊2¹⁶·log₂((N+V)/(c+1))⌋ for N tokens of V types in the pinned snapshots, c of them
 * equal to this one (add-one smoothing; exact duplicates of records count once). An empty snapshot gives 0.
 */
export function surprisalQ16(total: number, types: number, count: number): number {
  return log2RatioQ16(Math.max(total + types, 1), count + 1);
}

/** The same with a memory by count: a corpus of N tokens has at most √(2N) different counts. */
export function createSurprisal(total: number, types: number): (count: number) => number {
  const known = new Map<number, number>();
  return (count) => {
    let value = known.get(count);
    if (value === undefined) {
      value = surprisalQ16(total, types, count);
      known.set(count, value);
    }
    return value;
  };
}
