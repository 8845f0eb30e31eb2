import { sha256 } from '@noble/hashes/sha2.js';
import { BANDS, ROWS } from './limits.ts';
import { leadingBits, type ShingleSet } from './shingles.ts';

const DOMAIN = new TextEncoder().encode('OL/minhash/v1');

/**
 * The hash family: function j maps a 32-bit integer x to mix(Aⱼ·x + Bⱼ mod 2³²), a permutation. Aⱼ and Bⱼ are the first
 * and second four bytes, big-endian, of SHA-256("OL/minhash/v1" ‖ j as one byte), Aⱼ made odd.
 */
const FACTORS = new Int32Array(BANDS * ROWS);
const SUMMANDS = new Int32Array(BANDS * ROWS);
for (let j = 0; j < FACTORS.length; j++) {
  const digest = sha256(Uint8Array.of(...DOMAIN, j));
  const view = new DataView(digest.buffer, digest.byteOffset);
  FACTORS[j] = view.getInt32(0) | 1;
  SUMMANDS[j] = view.getInt32(4);
}

/** The finaliser of MurmurHash3 (Appleby, public domain): every bit of the input moves half of the output's. */
export function mix(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * The band keys of a set that is not empty, 32 bits each: key b is the first four bytes of SHA-256(b as one byte ‖ the
 * minima of functions 8b to 8b + 7, four bytes each, big-endian). Two records share band b if their keys b are equal.
 */
export function bandKeys(shingles: ShingleSet): Uint32Array {
  const values = Int32Array.from(shingles, leadingBits);
  const block = new Uint8Array(1 + ROWS * 4);
  const view = new DataView(block.buffer);
  return Uint32Array.from({ length: BANDS }, (_, band) => {
    block[0] = band;
    for (let row = 0; row < ROWS; row++) view.setUint32(1 + row * 4, minimum(values, band * ROWS + row));
    const digest = sha256(block);
    return new DataView(digest.buffer, digest.byteOffset).getUint32(0);
  });
}

function minimum(values: Int32Array, j: number): number {
  const factor = FACTORS[j]!;
  const summand = SUMMANDS[j]!;
  let least = 0xffffffff;
  for (let i = 0; i < values.length; i++) {
    const hash = mix(Math.imul(values[i]!, factor) + summand);
    if (hash < least) least = hash;
  }
  return least;
}
