import type { Vocabulary } from './types.ts';

const BUCKETS = 65_536;
const BUCKET_SHIFT = 16;

/** A vocabulary of hashes that are distinct and ascending. */
export function createVocabulary(hashes: Uint32Array): Vocabulary {
  const starts = new Uint32Array(BUCKETS + 1);
  for (const hash of hashes) starts[(hash >>> BUCKET_SHIFT) + 1]!++;
  for (let b = 0; b < BUCKETS; b++) starts[b + 1]! += starts[b]!;
  return { hashes, starts };
}

export function isKnown({ hashes, starts }: Vocabulary, hash: number): boolean {
  const bucket = hash >>> BUCKET_SHIFT;
  const end = starts[bucket + 1]!;
  for (let i = starts[bucket]!; i < end; i++) if (hashes[i] === hash) return true;
  return false;
}
