import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { log2RatioQ16, surprisalQ16 } from '../../../attribution/surprisal/surprisal.ts';

/** The definition: the largest k with 2^k · b^65536 ≤ a^65536, by whole powers. */
function byDefinition(a: number, b: number): number {
  const quotient = BigInt(a) ** 65536n / BigInt(b) ** 65536n;
  return quotient.toString(2).length - 1;
}

describe('surprisal', () => {
  it('is the exact floor of the definition, for every small ratio', () => {
    for (let a = 1; a <= 12; a++)
      for (let b = 1; b <= a; b++) expect(log2RatioQ16(a, b)).toBe(byDefinition(a, b));
  });

  it('is the exact floor of the definition, for ratios near a power of two and large ones', () => {
    const pairs = [
      [1_048_577, 1_048_576],
      [1_048_576, 1_048_575],
      [2_097_151, 1_048_576],
      [2_097_153, 1_048_576],
      [1_249_229, 1],
      [1_249_229, 3],
      [12_000_017, 731_231],
    ] as const;
    for (const [a, b] of pairs) expect(log2RatioQ16(a, b)).toBe(byDefinition(a, b));
  });

  it('is the exact floor of the definition, for drawn ratios', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 100_000 }), (x, y) => {
        const [a, b] = [Math.max(x, y), Math.min(x, y)];
        expect(log2RatioQ16(a, b)).toBe(byDefinition(a, b));
      }),
      { numRuns: 15 },
    );
  });

  it('agrees with double arithmetic to one unit over the whole range', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 52 }), fc.integer({ min: 1, max: 2 ** 52 }), (x, y) => {
        const [a, b] = [Math.max(x, y), Math.min(x, y)];
        expect(Math.abs(log2RatioQ16(a, b) - 65536 * Math.log2(a / b))).toBeLessThan(1.001);
      }),
    );
  });

  it('gives whole bits at powers of two, and needs more precision next to them', () => {
    expect(log2RatioQ16(1, 1)).toBe(0);
    expect(log2RatioQ16(3 * 1024, 3)).toBe(10 * 65536);
    expect(log2RatioQ16(2 ** 52 + 1, 2 ** 52)).toBe(0);
    expect(log2RatioQ16(2 ** 53 - 1, 2 ** 52)).toBe(65535);
  });

  it('refuses what is no logarithm of a ratio from 1 up', () => {
    for (const [a, b] of [
      [1, 2],
      [1, 0],
      [1.5, 1],
      [2 ** 60, 1],
    ] as const)
      expect(() => log2RatioQ16(a, b)).toThrow(expect.objectContaining({ code: 'InvalidParameter' }));
  });

  it('falls when a token is more frequent, and is 0 where there are no records', () => {
    expect(surprisalQ16(1000, 200, 0)).toBe(log2RatioQ16(1200, 1));
    for (let count = 0; count < 1000; count++)
      expect(surprisalQ16(1000, 200, count + 1)).toBeLessThanOrEqual(surprisalQ16(1000, 200, count));
    expect(surprisalQ16(0, 0, 0)).toBe(0);
  });
});
