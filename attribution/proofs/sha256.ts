/**
 * SHA-256 (FIPS 180-4) for short inputs, which is what a verifier spends its time on: nothing is allocated but the result,
 * and the last block of a pair of hashes, which has one byte that is not always the same, is scheduled once for each value
 * of it.
 */

/** First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, §4.2.2). */
const K = Int32Array.of(
  0x428a2f98,
  0x71374491,
  0xb5c0fbcf,
  0xe9b5dba5,
  0x3956c25b,
  0x59f111f1,
  0x923f82a4,
  0xab1c5ed5,
  0xd807aa98,
  0x12835b01,
  0x243185be,
  0x550c7dc3,
  0x72be5d74,
  0x80deb1fe,
  0x9bdc06a7,
  0xc19bf174,
  0xe49b69c1,
  0xefbe4786,
  0x0fc19dc6,
  0x240ca1cc,
  0x2de92c6f,
  0x4a7484aa,
  0x5cb0a9dc,
  0x76f988da,
  0x983e5152,
  0xa831c66d,
  0xb00327c8,
  0xbf597fc7,
  0xc6e00bf3,
  0xd5a79147,
  0x06ca6351,
  0x14292967,
  0x27b70a85,
  0x2e1b2138,
  0x4d2c6dfc,
  0x53380d13,
  0x650a7354,
  0x766a0abb,
  0x81c2c92e,
  0x92722c85,
  0xa2bfe8a1,
  0xa81a664b,
  0xc24b8b70,
  0xc76c51a3,
  0xd192e819,
  0xd6990624,
  0xf40e3585,
  0x106aa070,
  0x19a4c116,
  0x1e376c08,
  0x2748774c,
  0x34b0bcb5,
  0x391c0cb3,
  0x4ed8aa4a,
  0x5b9cca4f,
  0x682e6ff3,
  0x748f82ee,
  0x78a5636f,
  0x84c87814,
  0x8cc70208,
  0x90befffa,
  0xa4506ceb,
  0xbef9a3f7,
  0xc67178f2,
);
const DIGEST_BYTES = 32;
const BLOCK_BYTES = 64;
const ROUNDS = 64;

/** State of the hash that is being computed. */
const H = new Int32Array(8);
/** Schedule of the block that is being hashed: W of FIPS 180-4, §6.2.2, with K added. */
const schedule = new Int32Array(ROUNDS);
/** The block while it is put together. */
const block = new Uint8Array(BLOCK_BYTES);

function start(): void {
  H[0] = 0x6a09e667;
  H[1] = 0xbb67ae85;
  H[2] = 0x3c6ef372;
  H[3] = 0xa54ff53a;
  H[4] = 0x510e527f;
  H[5] = 0x9b05688c;
  H[6] = 0x1f83d9ab;
  H[7] = 0x5be0cd19;
}

/** From the first 16 words to all 64, then K added to each. */
function extend(W: Int32Array): void {
  for (let t = 16; t < ROUNDS; t++) {
    const a = W[t - 15]!;
    const b = W[t - 2]!;
    const s0 = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3);
    const s1 = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10);
    W[t] = (W[t - 16]! + s0 + W[t - 7]! + s1) | 0;
  }
  for (let t = 0; t < ROUNDS; t++) W[t] = (W[t]! + K[t]!) | 0;
}

/** The rounds of one block, of which `W` is the extended schedule. */
function compress(W: Int32Array): void {
  let a = H[0]!;
  let b = H[1]!;
  let c = H[2]!;
  let d = H[3]!;
  let e = H[4]!;
  let f = H[5]!;
  let g = H[6]!;
  let h = H[7]!;
  for (let t = 0; t < ROUNDS; t++) {
    const S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + S1 + (g ^ (e & (f ^ g))) + W[t]!) | 0;
    const S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (S0 + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  H[0] = (H[0]! + a) | 0;
  H[1] = (H[1]! + b) | 0;
  H[2] = (H[2]! + c) | 0;
  H[3] = (H[3]! + d) | 0;
  H[4] = (H[4]! + e) | 0;
  H[5] = (H[5]! + f) | 0;
  H[6] = (H[6]! + g) | 0;
  H[7] = (H[7]! + h) | 0;
}

/** One block of `bytes`, from `at` on. */
function hashBlock(bytes: Uint8Array, at: number): void {
  for (let i = 0, j = at; i < 16; i++, j += 4)
    schedule[i] = (bytes[j]! << 24) | (bytes[j + 1]! << 16) | (bytes[j + 2]! << 8) | bytes[j + 3]!;
  extend(schedule);
  compress(schedule);
}

function digest(): Uint8Array {
  const result = new Uint8Array(DIGEST_BYTES);
  for (let i = 0, j = 0; i < 8; i++) {
    const word = H[i]!;
    result[j++] = word >>> 24;
    result[j++] = word >>> 16;
    result[j++] = word >>> 8;
    result[j++] = word;
  }
  return result;
}

/** Of less than 2^29 bytes, whose bits fit into 32 bits. */
export function sha256(bytes: Uint8Array): Uint8Array {
  start();
  const { length } = bytes;
  let at = 0;
  for (; at + BLOCK_BYTES <= length; at += BLOCK_BYTES) hashBlock(bytes, at);
  // What is left, one bit, zeros, and the length in bits.
  let used = 0;
  while (at < length) block[used++] = bytes[at++]!;
  block[used++] = 0x80;
  if (used > BLOCK_BYTES - 8) {
    block.fill(0, used);
    hashBlock(block, 0);
    used = 0;
  }
  block.fill(0, used);
  const bits = 8 * length;
  block[60] = bits >>> 24;
  block[61] = bits >>> 16;
  block[62] = bits >>> 8;
  block[63] = bits;
  hashBlock(block, 0);
  return digest();
}

/** Schedules of the second block of a pair, by its one byte; each made when it is first needed. */
const lastBlocks: (Int32Array | undefined)[] = [];

function lastBlockOf(byte: number): Int32Array {
  let known = lastBlocks[byte];
  if (known === undefined) {
    known = new Int32Array(ROUNDS);
    known[0] = (byte << 24) | 0x800000;
    known[15] = 8 * (1 + 2 * DIGEST_BYTES);
    extend(known);
    lastBlocks[byte] = known;
  }
  return known;
}

/** SHA-256(tag ‖ left ‖ right) of two hashes: 65 bytes, so the second block holds the last of them. */
export function sha256Pair(tag: number, left: Uint8Array, right: Uint8Array): Uint8Array {
  start();
  let before = tag;
  let word = 0;
  for (let j = 0; j < DIGEST_BYTES; j += 4) {
    schedule[word++] = (before << 24) | (left[j]! << 16) | (left[j + 1]! << 8) | left[j + 2]!;
    before = left[j + 3]!;
  }
  for (let j = 0; j < DIGEST_BYTES; j += 4) {
    schedule[word++] = (before << 24) | (right[j]! << 16) | (right[j + 1]! << 8) | right[j + 2]!;
    before = right[j + 3]!;
  }
  extend(schedule);
  compress(schedule);
  compress(lastBlockOf(before));
  return digest();
}
