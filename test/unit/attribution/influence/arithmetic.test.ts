import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  binaryExponent,
  exp,
  expm1,
  log,
  log1p,
  powerOfTwo,
} from '../../../../attribution/influence/arithmetic/exponential.ts';
import { createTrainingGenerator, shuffled } from '../../../../attribution/influence/arithmetic/generator.ts';
import {
  bitLength,
  roundHalfEven,
  roundTo31Bits,
  shiftHalfEven,
} from '../../../../attribution/influence/arithmetic/integers.ts';
import {
  choleskyFactor,
  choleskyInverse,
  choleskySolve,
  solveSmall,
} from '../../../../attribution/influence/arithmetic/linear-algebra.ts';
import { exactDot } from '../../../../attribution/influence/solvers/reference-shard.ts';

const UNIT = 2 ** -52;

describe('exp and log of our own', () => {
  it('are within two units in the last place of the true values', () => {
    fc.assert(
      fc.property(fc.double({ min: -700, max: 700, noNaN: true }), (x) => {
        expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThanOrEqual(2 * UNIT);
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: 2.3e-308, max: Number.MAX_VALUE, noNaN: true }), (x) => {
        expect(Math.abs(log(x) - Math.log(x))).toBeLessThanOrEqual(2 * UNIT * Math.abs(Math.log(x)));
      }),
    );
  });

  it('are precise near zero too, as expm1 and log1p', () => {
    const small = fc.oneof(
      fc.double({ min: -1e-3, max: 1e-3, noNaN: true }),
      fc.double({ min: -0.9, max: 20, noNaN: true }),
    );
    const off = (actual: number, expected: number) =>
      expected === 0 ? Math.abs(actual) : Math.abs(actual / expected - 1);
    fc.assert(
      fc.property(small, (x) => {
        expect(off(expm1(x), Math.expm1(x))).toBeLessThanOrEqual(8 * UNIT);
        expect(off(log1p(x), Math.log1p(x))).toBeLessThanOrEqual(8 * UNIT);
      }),
    );
    expect([expm1(0), expm1(-800), expm1(1e-300), log1p(0), log1p(-1e-300)]).toEqual([
      0, -1, 1e-300, 0, -1e-300,
    ]);
    expect(expm1(700)).toBe(exp(700) - 1);
    expect([expm1(0.001), expm1(-0.5), log1p(0.001), log1p(-0.4)]).toEqual([
      0.0010005001667083417, -0.3934693402873666, 0.0009995003330835331, -0.5108256237659907,
    ]);
  });

  it('know their ends', () => {
    expect([exp(0), exp(-0), exp(-701), exp(710), exp(Number.NaN), exp(Number.NEGATIVE_INFINITY)]).toEqual([
      1,
      1,
      0,
      Number.NaN,
      Number.NaN,
      0,
    ]);
    expect([log(1), log(0), log(-1), log(Number.NaN), log(Number.POSITIVE_INFINITY)]).toEqual([
      0,
      Number.NaN,
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
    expect(log(Number.MAX_VALUE)).toBe(709.782712893384);
  });

  it('give these bits on every processor', () => {
    const bytes = new DataView(new ArrayBuffer(16));
    const hash = createHash('sha256');
    for (let i = 0; i < 20_000; i++) {
      const x = i / 32 - 400;
      bytes.setFloat64(0, exp(x));
      bytes.setFloat64(8, log(0.001 + i * i));
      hash.update(new Uint8Array(bytes.buffer));
    }
    expect(hash.digest('hex')).toBe('56ecee6d1a0ce9c159e47d31f6b8380125c287d7112c899f0f9e5e58663c8680');
  });

  it('take powers of two apart', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1022, max: 1023 }), (k) => {
        expect(powerOfTwo(k)).toBe(2 ** k);
        expect(binaryExponent(-powerOfTwo(k))).toBe(k);
      }),
    );
  });
});

describe('rounding', () => {
  it('goes to the nearest whole number, halves to even', () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.49, 2.51, 1e15 + 0.5].map(roundHalfEven)).toEqual([
      0, 2, 2, 0, -2, 2, 3, 1e15,
    ]);
    expect([5n, 6n, 7n, 2n, -2n, -5n, -6n, -7n].map((value) => shiftHalfEven(value, 2))).toEqual([
      1n,
      2n,
      2n,
      0n,
      0n,
      -1n,
      -2n,
      -2n,
    ]);
  });

  it('keeps 31 bits of the largest and is off by half a unit at most', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: -(1n << 120n), max: 1n << 120n })), (values) => {
        const { values: rounded, shift } = roundTo31Bits(values);
        values.forEach((value, i) => {
          const error = (BigInt(rounded[i]!) << BigInt(shift)) - value;
          expect(2n * (error < 0n ? -error : error) <= (shift === 0 ? 0n : 1n << BigInt(shift))).toBe(true);
          expect(Math.abs(rounded[i]!)).toBeLessThanOrEqual(2 ** 31);
        });
      }),
    );
    expect([0n, 1n, 255n, 256n].map(bitLength)).toEqual([0, 1, 8, 9]);
  });

  it('multiplies integers exactly, at the extremes of their size too', () => {
    const check = (a: number[], b: number[]) =>
      expect(exactDot(Int16Array.from(a), 0, Float64Array.from(b), 0, a.length)).toBe(
        a.reduce((sum, x, i) => sum + BigInt(x) * BigInt(b[i]!), 0n),
      );
    const a = fc.constantFrom(-32768, 32767, -1, 0, 1, 12345);
    const b = fc.constantFrom(-(2 ** 31), 2 ** 31, 1, -1, 0, 987654321);
    fc.assert(
      fc.property(fc.array(fc.tuple(a, b), { maxLength: 300 }), (pairs) => {
        check(
          pairs.map(([x]) => x),
          pairs.map(([, y]) => y),
        );
      }),
    );
    check(new Array(8193).fill(-32768), new Array(8193).fill(-(2 ** 31)));
    check(new Array(4095).fill(32767), new Array(4095).fill(2 ** 31 - 1));
  });
});

describe('the seeded generator', () => {
  it('draws these numbers for ever, another stream for each purpose', () => {
    const seed = Uint8Array.of(1, 2, 3);
    const draws = (purpose: number) => {
      const generator = createTrainingGenerator(seed, purpose);
      return Array.from({ length: 10 }, () => generator.below(1000));
    };
    expect(draws(0)).toEqual([64, 620, 940, 601, 392, 887, 896, 231, 369, 229]);
    expect(draws(1)).not.toEqual(draws(0));
    const signed = createTrainingGenerator(seed, 0);
    for (let i = 0; i < 1000; i++) expect(Math.abs(signed.signed())).toBeLessThanOrEqual(1);
  });

  it('shuffles all numbers', () => {
    const order = shuffled(1000, createTrainingGenerator(new Uint8Array(), 1));
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect([...order.subarray(0, 10)]).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('linear algebra', () => {
  const size = 23;
  const root = Float64Array.from({ length: size * size }, (_, i) => Math.sin(i * i));
  const matrix = Float64Array.from({ length: size * size }, (_, i) => {
    let sum = i % (size + 1) === 0 ? 0.5 : 0;
    for (let k = 0; k < size; k++)
      sum += root[Math.floor(i / size) * size + k]! * root[(i % size) * size + k]!;
    return sum;
  });
  const times = (a: Float64Array, x: Float64Array) =>
    Float64Array.from({ length: size }, (_, i) => x.reduce((sum, v, j) => sum + a[i * size + j]! * v, 0));
  const b = Float64Array.from({ length: size }, (_, i) => i - 7);

  it('solves and inverts', () => {
    const factor = choleskyFactor(matrix, size);
    const inverse = choleskyInverse(factor, size);
    const bySolve = times(matrix, choleskySolve(factor, size, b));
    const byInverse = times(matrix, times(inverse, b));
    const byElimination = times(matrix, solveSmall(Float64Array.from(matrix), size, Float64Array.from(b)));
    b.forEach((value, i) => {
      expect(bySolve[i]).toBeCloseTo(value, 9);
      expect(byInverse[i]).toBeCloseTo(value, 9);
      expect(byElimination[i]).toBeCloseTo(value, 9);
    });
  });

  it('refuses what has no solution', () => {
    const code = (work: () => unknown) => {
      try {
        work();
      } catch (error) {
        return (error as { code: string }).code;
      }
      return 'none';
    };
    expect(code(() => choleskyFactor(Float64Array.of(1, 2, 2, 1), 2))).toBe('NotConverged');
    expect(code(() => choleskyFactor(Float64Array.of(Number.NaN), 1))).toBe('NotConverged');
    expect(code(() => solveSmall(Float64Array.of(1, 1, 1, 1), 2, Float64Array.of(1, 2)))).toBe(
      'NotConverged',
    );
    expect(code(() => solveSmall(Float64Array.of(0, 1, 1, 0), 2, Float64Array.of(1, 2)))).toBe('none');
  });
});
