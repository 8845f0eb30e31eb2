/**
 * The same five functions by @noble/curves: portable, for light clients and browsers, and the yardstick of bls.ts.
 * About 20 ms a verification, so a validator wants the other one.
 */
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { type Address, PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../../consensus/types.ts';
import type { BlsVerifier, Signer } from './ports.ts';

/** The library's default is the NUL ciphersuite; ours is the proof-of-possession one. */
export const BLS_DST = 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_';

const { longSignatures } = bls12_381;
type SignaturePoint = ReturnType<typeof longSignatures.Signature.fromBytes>;

/** @param random `length` unpredictable bytes; only `verifyEach` needs them. */
export function createReferenceVerifier(random: (length: number) => Uint8Array): BlsVerifier {
  return {
    verify: (message, publicKey, signature) =>
      attempt(() => longSignatures.verify(parseSignature(signature), hash(message), parseKey(publicKey))),
    fastAggregateVerify: (message, publicKeys, signature) =>
      publicKeys.length > 0 &&
      attempt(() => {
        const key = longSignatures.aggregatePublicKeys(publicKeys.map(parseKey));
        return longSignatures.verify(parseSignature(signature), hash(message), key);
      }),
    verifyEach(message, publicKeys, signatures) {
      if (publicKeys.length === 0 || publicKeys.length !== signatures.length) return false;
      return attempt(() => {
        let key = bls12_381.G1.Point.ZERO;
        let sum = bls12_381.G2.Point.ZERO;
        for (const [i, publicKey] of publicKeys.entries()) {
          const weight = randomWeight(random);
          key = key.add(parseKey(publicKey).multiply(weight));
          sum = sum.add(parseSignature(signatures[i]!).multiply(weight));
        }
        return longSignatures.verify(sum, hash(message), key);
      });
    },
    aggregate: (signatures) => longSignatures.aggregateSignatures(signatures.map(parseSignature)).toBytes(),
  };
}

function hash(message: Uint8Array) {
  return longSignatures.hash(message, BLS_DST);
}

/** 64 random bits, never zero: a wrong set passes with probability 2^-64. */
function randomWeight(random: (length: number) => Uint8Array): bigint {
  let weight = 0n;
  for (const byte of random(8)) weight = (weight << 8n) | BigInt(byte);
  return weight === 0n ? 1n : weight;
}

function parseKey(bytes: Uint8Array) {
  if (bytes.length !== PUBLIC_KEY_BYTES) throw new RangeError('public key is not 48 bytes');
  const point = bls12_381.G1.Point.fromBytes(bytes);
  point.assertValidity();
  if (point.is0() || !point.isTorsionFree()) throw new RangeError('public key is not in the subgroup');
  return point;
}

function parseSignature(bytes: Uint8Array): SignaturePoint {
  if (bytes.length !== SIGNATURE_BYTES) throw new RangeError('signature is not 96 bytes');
  const point = longSignatures.Signature.fromBytes(bytes);
  point.assertValidity();
  if (point.is0() || !point.isTorsionFree()) throw new RangeError('signature is not in the subgroup');
  return point;
}

function attempt(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false;
  }
}

/** @param secretKey 32 bytes, big-endian */
export function createReferenceSigner(address: Address, secretKey: Uint8Array): Signer {
  const publicKey = longSignatures.getPublicKey(secretKey).toBytes();
  return {
    address,
    publicKey,
    sign: (message) => longSignatures.sign(hash(message), secretKey).toBytes(),
  };
}
