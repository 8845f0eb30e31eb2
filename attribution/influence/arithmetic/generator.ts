import { keccak_256 } from '@noble/hashes/sha3.js';

const DOMAIN = new TextEncoder().encode('OL/training/v1');
const TWO_32 = 4294967296;

/** Draws from a seed and a purpose: the same everywhere. */
export interface TrainingGenerator {
  /** A whole number from 0 to limit − 1, limit ≤ 2²⁰; the bias is at most 2⁻¹². */
  below(limit: number): number;
  /** A number in [−1, 1), a multiple of 2⁻³¹. */
  signed(): number;
}

/**
 * Counter-based: block n is keccak-256(domain ‖ purpose (1 byte) ‖ n (8 bytes, big-endian) ‖ seed) and gives eight
 * draws of 32 bits, big-endian.
 */
export function createTrainingGenerator(seed: Uint8Array, purpose: number): TrainingGenerator {
  const input = new Uint8Array(DOMAIN.length + 9 + seed.length);
  input.set(DOMAIN);
  input[DOMAIN.length] = purpose;
  input.set(seed, DOMAIN.length + 9);
  const counter = new DataView(input.buffer, DOMAIN.length + 1, 8);
  let block = 0n;
  let draws = new DataView(new ArrayBuffer(32));
  let at = 32;
  const next = (): number => {
    if (at === 32) {
      counter.setBigUint64(0, block++);
      const digest = keccak_256(input);
      draws = new DataView(digest.buffer, digest.byteOffset, 32);
      at = 0;
    }
    at += 4;
    return draws.getUint32(at - 4);
  };
  return {
    below: (limit) => Math.floor((next() * limit) / TWO_32),
    signed: () => (next() - TWO_32 / 2) / (TWO_32 / 2),
  };
}

/** 0 … count − 1 in an order drawn from the generator (Fisher and Yates, from the end). */
export function shuffled(count: number, generator: TrainingGenerator): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = generator.below(i + 1);
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}
