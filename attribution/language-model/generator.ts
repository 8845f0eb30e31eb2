import { keccak_256 } from '@noble/hashes/sha3.js';

const DOMAIN = new TextEncoder().encode('OL/continuation/v1');

/** Draws integers from a seed: the same seed gives the same numbers everywhere. */
export interface Generator {
  /** An integer from 0 to limit - 1 (limit from 1 to 2³²). */
  below(limit: number): number;
}

/**
 * Counter-based generator: draw n is keccak-256(domain ‖ seed ‖ n as 8 bytes), of which the first 8 bytes, as a
 * fraction of 2⁶⁴, are scaled to the range. The bias is below 2⁻³².
 */
export function createGenerator(seed: Uint8Array): Generator {
  const block = new Uint8Array(DOMAIN.length + seed.length + 8);
  block.set(DOMAIN);
  block.set(seed, DOMAIN.length);
  const view = new DataView(block.buffer);
  let counter = 0n;
  return {
    below(limit) {
      view.setBigUint64(block.length - 8, counter++);
      const digest = keccak_256(block);
      const fraction = new DataView(digest.buffer, digest.byteOffset).getBigUint64(0);
      return Number((fraction * BigInt(limit)) >> 64n);
    },
  };
}
