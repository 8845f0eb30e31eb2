/** Text to the input of the genre classifier (genre.onnx): how often each of 4,096 classes of words occurs. */
import { lex } from '../../../attribution/api.ts';
import { tokenBytes } from '../../../attribution/lexer/lexer.ts';

/** Words fall into this many classes by their hash. */
export const GENRE_FEATURES = 4096;

/** What the model tells apart: the parts into which the Brown corpus divides its 15 genres. */
export const GENRE_LABELS = ['press', 'prose', 'learned', 'fiction'] as const;

/** One passage, about this many tokens (words and marks); longer ones are not more of one kind. */
export const GENRE_TOKENS = 120;

/**
 * Counts of at most 15 for the first GENRE_TOKENS tokens; the class of a token is FNV-1a (32 bits) of its bytes, mod 4096.
 * @throws AttributionError InvalidUtf8
 */
export function genreFeatures(text: Uint8Array): Uint8Array {
  const tokens = lex(text);
  const counts = new Uint8Array(GENRE_FEATURES);
  for (let i = 0; i < Math.min(tokens.length, GENRE_TOKENS); i++) {
    let hash = 0x811c9dc5;
    for (const byte of tokenBytes(text, tokens, i)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    const at = hash % GENRE_FEATURES;
    counts[at] = Math.min(15, counts[at]! + 1);
  }
  return counts;
}
