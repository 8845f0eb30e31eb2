import { sha256, sha256Pair } from './sha256.ts';

/** SHA-256; a node may pass a faster one, since every one gives the same bytes. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** First byte of whatever is hashed, so that no leaf is a node, and no leaf of one tree one of another. */
export const TAG = {
  inner: 0x01,
  root: 0x02,
  emptyTree: 0x03,
  statement: 0x04,
  dictionaryLeaf: 0x10,
  textLeaf: 0x11,
  nodeLeaf: 0x12,
} as const;

export const HASH_BYTES = 32;

/** @param hash another SHA-256 than the portable one */
export function createHasher(hash: Sha256 = sha256) {
  return {
    /** H(0x01 ‖ left ‖ right) */
    inner: hash === sha256 ? innerHash : innerBy(hash),
    /** H(bytes), for bytes that begin with their tag. */
    raw: hash,
    /** H(tag ‖ bytes) */
    tagged(tag: number, bytes: Uint8Array): Uint8Array {
      const input = new Uint8Array(1 + bytes.length);
      input[0] = tag;
      input.set(bytes, 1);
      return hash(input);
    },
  };
}

type Inner = (left: Uint8Array, right: Uint8Array) => Uint8Array;

const innerHash: Inner = (left, right) => sha256Pair(TAG.inner, left, right);

function innerBy(hash: Sha256): Inner {
  const pair = new Uint8Array(1 + 2 * HASH_BYTES);
  pair[0] = TAG.inner;
  return (left, right) => {
    pair.set(left, 1);
    pair.set(right, 1 + HASH_BYTES);
    return hash(pair);
  };
}

export type Hasher = ReturnType<typeof createHasher>;

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
