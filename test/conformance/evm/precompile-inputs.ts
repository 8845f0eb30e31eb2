/** Calldata for a precompile that is mostly well-formed, and sometimes off by little. */
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { bn254 } from '@noble/curves/bn254.js';
import { p256 } from '@noble/curves/nist.js';
import { bigintToBytes, concat, keccak256, padLeft, sha256, signHash } from '../../../state/crypto.ts';
import { accountKey, word } from '../../unit/state/support.ts';
import type { Random } from '../random.ts';

/** The numbers of the precompiles that a program may call, those that no fork has among them. */
export const PRECOMPILES = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 0x100, 0x101,
] as const;

const field = (value: bigint) => padLeft(bigintToBytes(value), 64);
const joined = (count: number, make: () => Uint8Array) => concat(...Array.from({ length: count }, make));

export function precompileInput(random: Random, number: number): Uint8Array {
  const input = wellFormed(random, number);
  switch (random.below(8)) {
    case 0:
      return input.slice(0, random.below(input.length + 1));
    case 1:
      return concat(input, random.bytes(random.below(40)));
    case 2: {
      if (input.length === 0) return input;
      const other = input.slice();
      other[random.below(other.length)]! ^= 1 << random.below(8);
      return other;
    }
    default:
      return input;
  }
}

function wellFormed(random: Random, number: number): Uint8Array {
  switch (number) {
    case 1:
      return recovery(random);
    case 5:
      return modexp(random);
    case 6:
      return joined(2, () => bnG1(random));
    case 7:
      return concat(bnG1(random), scalar(random));
    case 8:
      return joined(random.below(3), () => concat(bnG1(random), bnG2(random)));
    case 9:
      return concat(
        Uint8Array.of(0, 0, 0, random.below(20)),
        random.bytes(208),
        Uint8Array.of(random.below(2)),
      );
    case 10:
      return opening(random);
    case 11:
      return joined(2, () => blsG1(random));
    case 12:
      return joined(1 + random.below(3), () => concat(blsG1(random), scalar(random)));
    case 13:
      return joined(2, () => blsG2(random));
    case 14:
      return joined(1 + random.below(2), () => concat(blsG2(random), scalar(random)));
    case 15:
      return joined(1 + random.below(2), () => concat(blsG1(random), blsG2(random)));
    case 16:
      return concat(new Uint8Array(17), random.bytes(47));
    case 17:
      return joined(2, () => concat(new Uint8Array(17), random.bytes(47)));
    case 0x100:
      return nistSignature(random);
    default:
      return random.bytes(random.pick([0, 1, 31, 32, 33, 64, 100, 300]));
  }
}

function scalar(random: Random): Uint8Array {
  return random.oneIn(3) ? word(random.below(4)) : random.bytes(32);
}

function recovery(random: Random): Uint8Array {
  const hash = random.bytes(32);
  const { r, s, yParity } = signHash(hash, accountKey(random.below(3)));
  const v = random.oneIn(6) ? random.below(40) : 27 + yParity;
  return concat(hash, word(v), word(r), word(random.oneIn(6) ? SECP256K1_N - s : s));
}
const SECP256K1_N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** EIP-7823 bounds the lengths at 1,024 bytes. */
function modexp(random: Random): Uint8Array {
  const length = () =>
    random.pick([0, 1, 1, 2, 8, 31, 32, 33, 64, 65, 100, random.pick([200, 1023, 1024, 1025, 1100])]);
  const [base, exponent, modulus] = [length(), Math.min(length(), 100), length()];
  const number = (size: number) => (random.oneIn(5) ? new Uint8Array(size) : random.bytes(size));
  if (random.oneIn(12))
    return concat(
      ...[base, exponent, modulus].map((size) => (random.oneIn(2) ? random.bytes(32) : word(size))),
      number(40),
    );
  return concat(word(base), word(exponent), word(modulus), number(base), number(exponent), number(modulus));
}

/** Infinity, or a small multiple of the generator. */
function multiple<P>(random: Random, infinity: P, point: (k: bigint) => P): P {
  const k = random.below(5);
  return k === 0 ? infinity : point(BigInt(k));
}

function bnG1(random: Random): Uint8Array {
  return multiple(random, new Uint8Array(64), (k) => {
    const { x, y } = bn254.G1.Point.BASE.multiply(k).toAffine();
    return concat(word(x), word(y));
  });
}

function bnG2(random: Random): Uint8Array {
  return multiple(random, new Uint8Array(128), (k) => {
    const { x, y } = bn254.G2.Point.BASE.multiply(k).toAffine();
    return concat(word(x.c1), word(x.c0), word(y.c1), word(y.c0));
  });
}

function blsG1(random: Random): Uint8Array {
  return multiple(random, new Uint8Array(128), (k) => {
    const { x, y } = bls12_381.G1.Point.BASE.multiply(k).toAffine();
    return concat(field(x), field(y));
  });
}

function blsG2(random: Random): Uint8Array {
  return multiple(random, new Uint8Array(256), (k) => {
    const { x, y } = bls12_381.G2.Point.BASE.multiply(k).toAffine();
    return concat(field(x.c0), field(x.c1), field(y.c0), field(y.c1));
  });
}

/** The constant polynomial 0: commitment and proof are infinity, the value is 0 everywhere. */
function opening(random: Random): Uint8Array {
  const infinity = new Uint8Array(48);
  infinity[0] = 0xc0;
  const hash = sha256(infinity);
  hash[0] = 1;
  return concat(hash, word(random.below(1000)), word(random.oneIn(4) ? 1 : 0), infinity, infinity);
}

function nistSignature(random: Random): Uint8Array {
  const secret = keccak256(Uint8Array.of(random.below(5)));
  const hash = random.bytes(32);
  const signature = p256.sign(hash, secret, { prehash: false });
  return concat(hash, signature, p256.getPublicKey(secret, false).slice(1));
}
