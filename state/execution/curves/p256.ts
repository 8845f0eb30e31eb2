/** Signatures on P-256 for the precompile 0x100 (EIP-7951). OpenSSL has no check of a bare hash in Node. */
import { bytesToBigint, fromHex } from '../../crypto.ts';
import { CURVES, Curve, loadMcl, NotAPoint, SIZES } from './mcl.ts';

const MODULUS = fromHex('0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff');
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const GENERATOR = [
  fromHex('0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296'),
  fromHex('0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5'),
];
const WORD = 32;

export interface P256 {
  /** @param input 160 bytes: hash, r, s, x, y */
  verify(input: Uint8Array): boolean;
}

export async function loadP256(): Promise<P256> {
  const curve = new Curve(await loadMcl(), CURVES.p256, MODULUS);
  const { g1, mcl } = curve;
  const part = (input: Uint8Array, index: number) => input.subarray(index * WORD, (index + 1) * WORD);
  const isScalar = (value: bigint) => value > 0n && value < ORDER;

  return {
    verify(input) {
      const r = bytesToBigint(part(input, 1));
      if (!isScalar(r) || !isScalar(bytesToBigint(part(input, 2)))) return false;
      const generator = curve.reserve(3 * SIZES.g1 + 3 * SIZES.fr);
      const key = generator + SIZES.g1;
      const sum = key + SIZES.g1;
      const [first, second, inverse] = [0, 1, 2].map((i) => sum + SIZES.g1 + i * SIZES.fr) as [
        number,
        number,
        number,
      ];
      try {
        g1.read(key, [part(input, 3), part(input, 4)], false);
      } catch (error) {
        if (error instanceof NotAPoint) return false;
        throw error;
      }
      if (g1.isZero(key)) return false;
      g1.read(generator, GENERATOR, false);
      // u1 = hash / s, u2 = r / s; the x coordinate of u1 G + u2 Q is r.
      curve.readScalar(inverse, part(input, 2));
      mcl._mclBnFr_inv(inverse, inverse);
      curve.readScalar(first, part(input, 0));
      mcl._mclBnFr_mul(first, first, inverse);
      curve.readScalar(second, part(input, 1));
      mcl._mclBnFr_mul(second, second, inverse);
      g1.multiply(generator, generator, first);
      g1.multiply(key, key, second);
      g1.add(sum, generator, key);
      if (g1.isZero(sum)) return false;
      return bytesToBigint(g1.write(sum, WORD)[0]!) % ORDER === r;
    },
  };
}
