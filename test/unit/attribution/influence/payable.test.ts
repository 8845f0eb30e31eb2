import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { influenceCredits, payableFloor } from '../../../../attribution/influence/api.ts';
import { WHOLE } from '../../../../attribution/token/types.ts';

const big = (...values: number[]) => values.map(BigInt);

describe('what a query pays for', () => {
  it('is only what exceeds the 90th percentile of the negative scores, by rank', () => {
    expect(payableFloor(big(5, 7, 0))).toBe(0n);
    expect(payableFloor([])).toBe(0n);
    expect(payableFloor(big(-4, 9))).toBe(4n);
    expect(payableFloor(big(-10, -9, -8, -7, -6, -5, -4, -3, -2, -1))).toBe(9n);
    expect(payableFloor(big(-11, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1))).toBe(10n);
  });

  it('is added up by contributor and normalised to 10⁹', () => {
    expect(influenceCredits(big(13, 5, 23, 3, -3), [7, 7, 2, 9, 9], 64)).toEqual([
      { group: 2, credit: 625_000_000 },
      { group: 7, credit: 375_000_000 },
    ]);
  });

  it('goes to the largest only, ties to the earlier contributor', () => {
    expect(influenceCredits(big(1, 1, 1, 1), [4, 3, 2, 1], 2)).toEqual([
      { group: 1, credit: 500_000_000 },
      { group: 2, credit: 500_000_000 },
    ]);
    expect(influenceCredits(big(1, 1, 1), [0, 1, 2], 64).map(({ credit }) => credit)).toEqual([
      333_333_334, 333_333_333, 333_333_333,
    ]);
  });

  it('C4: a query without a payable score gives an empty vector', () => {
    expect(influenceCredits(big(-5, -1, 0), [0, 1, 2], 64)).toEqual([]);
    expect(influenceCredits(big(5, -5), [0, 1], 64)).toEqual([]);
    expect(influenceCredits([], [], 64)).toEqual([]);
  });

  it('adds up to 10⁹ or to 0, and is the same on any scale', () => {
    const entries = fc.array(fc.tuple(fc.bigInt({ min: -(1n << 45n), max: 1n << 45n }), fc.nat(40)), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 64 }), fc.nat(70), (pairs, keep, shift) => {
        const values = pairs.map(([value]) => value);
        const groups = pairs.map(([, group]) => group);
        const credits = influenceCredits(values, groups, keep);
        const sum = credits.reduce((total, { credit }) => total + credit, 0);
        expect(sum).toBe(credits.length === 0 ? 0 : WHOLE);
        expect(credits.length).toBeLessThanOrEqual(keep);
        const scaled = influenceCredits(
          values.map((value) => value << BigInt(shift)),
          groups,
          keep,
        );
        expect(scaled.length).toBe(credits.length);
        scaled.forEach(({ credit }, i) => {
          expect(Math.abs(credit - credits[i]!.credit)).toBeLessThanOrEqual(1);
        });
      }),
    );
  });
});
