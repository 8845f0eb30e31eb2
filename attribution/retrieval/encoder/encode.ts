import { textFeatures } from './features.ts';
import type { Encoder } from './types.ts';

/** Length that a vector is brought to: its numbers are then about 512/√dimensions, 32 for 256 dimensions. */
const LENGTH = 512;
const LARGEST = 127;

/**
 * The vector of a text: the weighted sum of its features' rows, brought to length 512, cut at ±127. All zero for a
 * text without words. In plain TypeScript; the judge of every faster form.
 * @throws InvalidUtf8; AttributionError 'ProblemTooLarge'.
 */
export function encodeText(encoder: Encoder, text: Uint8Array): Int8Array {
  const { width, chunks } = encoder.shape;
  const { count, rows, weights } = textFeatures(encoder, text);
  const sums = new Int32Array(width * chunks);
  for (let i = 0; i < count; i++)
    for (let c = 0; c < chunks; c++) {
      const row = rows[i * chunks + c]! * width;
      for (let k = 0; k < width; k++) sums[c * width + k]! += weights[i]! * encoder.table[row + k]!;
    }
  return normalise(sums);
}

/**
 * Each number times 512, divided by the length ⌊√Σs²⌋, to the nearest (halves away from zero), cut at ±127.
 */
export function normalise(sums: Int32Array): Int8Array {
  let square = 0n;
  for (const sum of sums) square += BigInt(sum) * BigInt(sum);
  const length = Number(squareRoot(square));
  if (length === 0) return new Int8Array(sums.length);
  return Int8Array.from(sums, (sum) => {
    const size = Math.floor((2 * LENGTH * Math.abs(sum) + length) / (2 * length));
    return Math.sign(sum) * Math.min(LARGEST, size);
  });
}

/** ⌊√n⌋ for 0 ≤ n < 2⁶². The square root of doubles is off by less than one here. */
export function squareRoot(n: bigint): bigint {
  let root = BigInt(Math.floor(Math.sqrt(Number(n))));
  while (root * root > n) root--;
  while ((root + 1n) * (root + 1n) <= n) root++;
  return root;
}
