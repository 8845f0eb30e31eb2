import { foldByte } from '../lexer/lexer.ts';
import { MAX_VOCABULARY_PROBES } from '../limits.ts';
import type { WordList } from './build-segment.ts';

/** Several word lists as one, and for each list the number in the joint list of each of its types. */
export interface JoinedWords {
  readonly list: WordList;
  readonly numbers: readonly Uint32Array[];
}

/** Merges lists of rising types. Linear in their bytes and the number of lists. */
export function joinWords(lists: readonly WordList[]): JoinedWords {
  const numbers = lists.map(({ starts }) => new Uint32Array(starts.length - 1));
  const words = new Uint8Array(lists.reduce((sum, list) => sum + list.words.length, 0));
  const starts = new Uint32Array(numbers.reduce((sum, types) => sum + types.length, 0) + 1);
  const heads = new Uint32Array(lists.length);
  let types = 0;
  for (;;) {
    let least = -1;
    let equal: number[] = [];
    for (let l = 0; l < lists.length; l++) {
      if (heads[l]! >= numbers[l]!.length) continue;
      const order = least < 0 ? -1 : compareTypes(lists[l]!, heads[l]!, lists[least]!, heads[least]!);
      if (order < 0) {
        least = l;
        equal = [l];
      } else if (order === 0) equal.push(l);
    }
    if (least < 0) break;
    const { words: from, starts: at } = lists[least]!;
    const word = from.subarray(at[heads[least]!], at[heads[least]! + 1]);
    words.set(word, starts[types]);
    starts[types + 1] = starts[types]! + word.length;
    for (const l of equal) numbers[l]![heads[l]!++] = types;
    types++;
  }
  return { list: { words: words.slice(0, starts[types]), starts: starts.slice(0, types + 1) }, numbers };
}

function compareTypes(a: WordList, i: number, b: WordList, j: number): number {
  const left = a.starts[i]!;
  const right = b.starts[j]!;
  const leftLength = a.starts[i + 1]! - left;
  const rightLength = b.starts[j + 1]! - right;
  const shared = Math.min(leftLength, rightLength);
  for (let k = 0; k < shared; k++)
    if (a.words[left + k] !== b.words[right + k]) return a.words[left + k]! - b.words[right + k]!;
  return leftLength - rightLength;
}

export interface WordFinder {
  /** Number of the type bytes[start, end), ASCII capitals folded, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number;
  /** Memory, the list's included. */
  readonly bytes: number;
}

/**
 * Looks types up by their bytes: a hash table of numbers, four bytes a slot; those that found no slot within
 * MAX_VOCABULARY_PROBES are found by bisection, so that words crafted to collide cost a logarithm.
 */
export function createWordFinder(list: WordList): WordFinder {
  const { words, starts } = list;
  const types = starts.length - 1;
  // Two of three slots are taken.
  const size = 16 + types + (types >> 1);
  const slots = new Int32Array(size).fill(-1);
  for (let t = 0; t < types; t++) {
    const hash = hashFolded(words, starts[t]!, starts[t + 1]!);
    for (let probe = 0; probe < MAX_VOCABULARY_PROBES; probe++) {
      const slot = (hash + probe) % size;
      if (slots[slot]! >= 0) continue;
      slots[slot] = t;
      break;
    }
  }
  /** Order of the type against the folded bytes. */
  const compare = (type: number, bytes: Uint8Array, start: number, end: number): number => {
    const at = starts[type]!;
    const length = starts[type + 1]! - at;
    const shared = Math.min(length, end - start);
    for (let k = 0; k < shared; k++) {
      const difference = words[at + k]! - foldByte(bytes[start + k]!);
      if (difference !== 0) return difference;
    }
    return length - (end - start);
  };
  const bisect = (bytes: Uint8Array, start: number, end: number): number => {
    let low = 0;
    let high = types;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(middle, bytes, start, end) < 0) low = middle + 1;
      else high = middle;
    }
    return low < types && compare(low, bytes, start, end) === 0 ? low : -1;
  };
  return {
    bytes: slots.byteLength + words.byteLength + starts.byteLength,
    find(bytes, start, end) {
      const hash = hashFolded(bytes, start, end);
      for (let probe = 0; probe < MAX_VOCABULARY_PROBES; probe++) {
        const type = slots[(hash + probe) % size]!;
        if (type < 0) return -1;
        if (compare(type, bytes, start, end) === 0) return type;
      }
      return bisect(bytes, start, end);
    },
  };
}

function hashFolded(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ foldByte(bytes[i]!), 0x01000193);
  hash ^= hash >>> 15;
  return (Math.imul(hash, 0x2c1b3c6d) ^ (end - start)) >>> 0;
}
