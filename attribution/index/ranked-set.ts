/**
 * A set of the numbers 0 to size - 1 that tells each member's place among them, in a quarter of a byte a number: a bit
 * each, and for each 32 how many members stand before them.
 */
export class RankedSet {
  readonly bytes: number;
  readonly #bits: Uint32Array;
  readonly #before: Uint32Array;

  /** @param members rising. */
  constructor(members: Uint32Array, size: number) {
    const words = (size + 31) >> 5;
    this.#bits = new Uint32Array(words);
    this.#before = new Uint32Array(words);
    this.bytes = 8 * words;
    for (let i = 0; i < members.length; i++) this.#bits[members[i]! >> 5]! |= 1 << (members[i]! & 31);
    for (let w = 1; w < words; w++) this.#before[w] = this.#before[w - 1]! + countBits(this.#bits[w - 1]!);
  }

  /** How many members are lower than `number`, or -1 if it is none. */
  placeOf(number: number): number {
    const bits = this.#bits[number >> 5]!;
    const bit = 1 << (number & 31);
    return (bits & bit) === 0 ? -1 : this.#before[number >> 5]! + countBits(bits & (bit - 1));
  }
}

function countBits(word: number): number {
  let count = word - ((word >>> 1) & 0x55555555);
  count = (count & 0x33333333) + ((count >>> 2) & 0x33333333);
  return Math.imul((count + (count >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
