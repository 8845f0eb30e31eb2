import { keccak_256 } from '@noble/hashes/sha3.js';

/** Draws of a study: the same seed and purpose give the same numbers. */
export class Random {
  readonly #seed: string;
  #digest = new DataView(new ArrayBuffer(0));
  #at = 0;
  #counter = 0;

  constructor(seed: number, purpose: string) {
    this.#seed = `${seed}/${purpose}`;
  }

  /** A number in [0, 1). */
  next(): number {
    if (this.#at >= this.#digest.byteLength) {
      const digest = keccak_256(new TextEncoder().encode(`${this.#seed}/${this.#counter++}`));
      this.#digest = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
      this.#at = 0;
    }
    this.#at += 4;
    return this.#digest.getUint32(this.#at - 4) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** About normal: mean 0, variance 1 (twelve uniform draws). */
  normal(): number {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += this.next();
    return sum;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const result = [...list];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [result[i], result[j]] = [result[j]!, result[i]!];
    }
    return result;
  }

  sample<T>(list: readonly T[], count: number): T[] {
    return this.shuffled(list).slice(0, count);
  }
}
