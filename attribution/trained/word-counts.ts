import { lex, tokenBytes } from '../lexer/lexer.ts';

/** Words and marks that are counted: longer texts are not more of one kind. */
export const COUNTED_TOKENS = 120;
/** A word that occurs more often counts as this often. */
const MOST = 15;
/** FNV-1a, 32 bits. */
const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

/**
 * How often each of `classes` classes of words occurs among the first tokens of a text, as bytes of at most MOST; the
 * class of a token is FNV-1a of its bytes, mod `classes`.
 * @throws AttributionError InvalidUtf8
 */
export function wordCounts(text: Uint8Array, classes: number): Uint8Array {
  const tokens = lex(text);
  const counts = new Uint8Array(classes);
  for (let i = 0; i < Math.min(tokens.length, COUNTED_TOKENS); i++) {
    let hash = OFFSET;
    for (const byte of tokenBytes(text, tokens, i)) hash = Math.imul(hash ^ byte, PRIME) >>> 0;
    const at = hash % classes;
    counts[at] = Math.min(MOST, counts[at]! + 1);
  }
  return counts;
}
