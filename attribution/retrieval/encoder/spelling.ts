import { fnv, fnvByte, mix, WORD_SEED, wordHash } from './hash.ts';
import { MAX_CORRECTED_BYTES, MIN_CORRECTED_BYTES } from './limits.ts';
import type { Encoder } from './types.ts';
import { isKnown } from './vocabulary.ts';

const SMALL_A = 0x61;
const SMALL_Z = 0x7a;
/** No letter: a typing error puts none, one or two of them in the place of none, one or two. */
const NONE = -1;

/** A word one typing error away: `first` and `second` stand instead of the `gone` letters from `at` on. */
interface Neighbour {
  readonly hash: number;
  readonly at: number;
  readonly gone: number;
  readonly first: number;
  readonly second: number;
}

/**
 * How a folded word is read: as it is if the vocabulary has it, if it has other bytes than a to z, or if it is too short
 * or too long; else as the word of the vocabulary that is one typing error away (a letter too many, one missing, one
 * wrong, or two neighbours swapped). Of several it is the one of least weight, which is the most frequent, then the
 * one of lowest hash.
 */
export function spelledWord({ vocabulary, weights }: Encoder, word: Uint8Array): Uint8Array {
  if (word.length < MIN_CORRECTED_BYTES || word.length > MAX_CORRECTED_BYTES) return word;
  if (!word.every((byte) => byte >= SMALL_A && byte <= SMALL_Z)) return word;
  if (vocabulary.hashes.length === 0 || isKnown(vocabulary, wordHash(word))) return word;
  let best: Neighbour | undefined;
  let least = 0;
  visitNeighbours(word, (hash, at, gone, first, second) => {
    if (!isKnown(vocabulary, hash)) return;
    const weight = weights[hash % weights.length]!;
    if (best !== undefined && (weight > least || (weight === least && hash >= best.hash))) return;
    best = { hash, at, gone, first, second };
    least = weight;
  });
  return best === undefined ? word : neighbour(word, best);
}

/** The word that a visit spoke of. */
export function neighbour(
  word: Uint8Array,
  { at, gone, first, second }: Omit<Neighbour, 'hash'>,
): Uint8Array {
  const letters = [first, second].filter((letter) => letter !== NONE);
  return Uint8Array.of(...word.subarray(0, at), ...letters, ...word.subarray(at + gone));
}

/**
 * Calls `visit` with the hash of every word one typing error away, some of them more than once, and what makes it. A
 * hash starts from that of the letters before the error.
 */
export function visitNeighbours(
  word: Uint8Array,
  visit: (hash: number, at: number, gone: number, first: number, second: number) => void,
): void {
  const { length } = word;
  const hashOf = (state: number, rest: number) => mix(fnv(state, word, rest, length));
  let before = WORD_SEED;
  for (let at = 0; at <= length; at++) {
    const letter = word[at]!;
    for (let other = SMALL_A; other <= SMALL_Z; other++) {
      const state = fnvByte(before, other);
      visit(hashOf(state, at), at, 0, other, NONE);
      if (at < length && other !== letter) visit(hashOf(state, at + 1), at, 1, other, NONE);
    }
    if (at === length) break;
    visit(hashOf(before, at + 1), at, 1, NONE, NONE);
    if (at + 1 < length) {
      const next = word[at + 1]!;
      visit(hashOf(fnvByte(fnvByte(before, next), letter), at + 2), at, 2, next, letter);
    }
    before = fnvByte(before, letter);
  }
}
