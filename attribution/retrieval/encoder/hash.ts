const FNV_PRIME = 0x01000193;
/** Where the hash of a word starts. */
export const WORD_SEED = 0x811c9dc5;

/** One step of FNV-1a, 32 bits. */
export function fnvByte(state: number, byte: number): number {
  return Math.imul(state ^ byte, FNV_PRIME);
}

/** FNV-1a, 32 bits, from some state on. */
export function fnv(state: number, bytes: Uint8Array, from: number, to: number): number {
  let hash = state;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, FNV_PRIME);
  return hash >>> 0;
}

/** The finaliser of MurmurHash3: every bit of the result depends on every bit of the argument. */
export function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Names a folded word in the vocabulary and in the table of weights. */
export function wordHash(word: Uint8Array): number {
  return mix(fnv(WORD_SEED, word, 0, word.length));
}
