/**
 * Signatures that only this file can make: a keyed hash of the message, and sums of them. Cheap, aggregatable and
 * unforgeable for the code under test, which never sees the secret.
 */
import { equalBytes } from '../../consensus/bytes.ts';
import type { Address } from '../../consensus/types.ts';
import type { BlsVerifier, Signer } from '../../node/validator/ports.ts';

/** Keys that were made, by index. */
const publicKeys: Uint8Array[] = [];

/** Four bytes of index + 1, and filling. */
export function fakePublicKey(index: number): Uint8Array {
  const key = new Uint8Array(48).fill(0xa0);
  new DataView(key.buffer).setUint32(0, index + 1);
  publicKeys[index] = key;
  return key;
}

/** Three words of keyed hash. */
function tag(secret: number, message: Uint8Array): [number, number, number] {
  let a = secret ^ 0x811c9dc5;
  let b = Math.imul(secret, 31) ^ 0x5bd1e995;
  for (const byte of message) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte ^ (a >>> 15), 0x85ebca6b);
  }
  return [a >>> 0, b >>> 0, Math.imul(a ^ b, 0xc2b2ae35) >>> 0];
}

function pack(words: readonly number[]): Uint8Array {
  const signature = new Uint8Array(96).fill(0x5a);
  const view = new DataView(signature.buffer);
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word);
  return signature;
}

function words(signature: Uint8Array): number[] {
  const view = new DataView(signature.buffer, signature.byteOffset);
  return [view.getUint32(0), view.getUint32(4), view.getUint32(8)];
}

function add(a: readonly number[], b: readonly number[]): number[] {
  return a.map((word, i) => (word + b[i]!) >>> 0);
}

function same(signature: Uint8Array, expected: readonly number[]): boolean {
  return signature.length === 96 && words(signature).every((word, i) => word === expected[i]);
}

function expected(message: Uint8Array, publicKey: Uint8Array): number[] | undefined {
  const index = publicKey[2]! * 256 + publicKey[3]! - 1;
  const known = publicKeys[index];
  return known === undefined || !equalBytes(known, publicKey) ? undefined : tag(secretOf(index), message);
}

export const fakeBls: BlsVerifier = {
  verify(message, publicKey, signature) {
    const right = expected(message, publicKey);
    return right !== undefined && same(signature, right);
  },
  fastAggregateVerify(message, publicKeys, signature) {
    if (publicKeys.length === 0) return false;
    let sum = [0, 0, 0];
    for (const publicKey of publicKeys) {
      const right = expected(message, publicKey);
      if (right === undefined) return false;
      sum = add(sum, right);
    }
    return same(signature, sum);
  },
  verifyEach: (message, publicKeys, signatures) =>
    publicKeys.length === signatures.length &&
    publicKeys.length > 0 &&
    publicKeys.every((key, i) => fakeBls.verify(message, key, signatures[i]!)),
  aggregate: (signatures) => pack(signatures.map(words).reduce(add)),
};

export function fakeSign(index: number, message: Uint8Array): Uint8Array {
  return pack(tag(secretOf(index), message));
}

function secretOf(index: number): number {
  return Math.imul(index + 1, 0x9e3779b1);
}

/** @param onSign sees every message the key signs: double signing is judged from it. */
export function fakeSigner(
  address: Address,
  publicKey: Uint8Array,
  onSign: (message: Uint8Array) => void,
): Signer {
  const index = publicKeys.findIndex((known) => equalBytes(known, publicKey));
  const secret = secretOf(index);
  return {
    address,
    publicKey,
    sign(message) {
      onSign(message);
      return pack(tag(secret, message));
    },
  };
}
