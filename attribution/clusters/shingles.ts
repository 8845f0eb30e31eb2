import { sha256 } from '@noble/hashes/sha2.js';
import { foldByte, lexInto, TokenBuffer, WORD } from '../lexer/lexer.ts';
import { MAX_RECORD_TOKENS, SHINGLE_WORDS } from './limits.ts';

/** Different shingles of a text, each a whole number below 2⁵³, in rising order. */
export type ShingleSet = Float64Array;

const SPACE = 0x20;
const TWO_21 = 2097152;

/**
 * Shingles of a text: every run of SHINGLE_WORDS words (punctuation left out, ASCII capitals folded) as the first 53
 * bits of the SHA-256 of its words, joined by one space. A text of fewer words, but at least one, has one shingle of all
 * its words; a text without words has none.
 *
 * 53 bits of a cryptographic hash are exact enough: to pass for a shingle of somebody else's text takes 2⁵³ hashes over
 * the number of its shingles, and all it buys is what copying the words buys.
 * @throws InvalidUtf8; AttributionError 'TooManyTokens' above MAX_RECORD_TOKENS.
 */
export function shinglesOf(text: Uint8Array): ShingleSet {
  const { bytes, ends } = wordsOf(text);
  if (ends.length === 0) return new Float64Array(0);
  const shingles = new Float64Array(Math.max(1, ends.length - SHINGLE_WORDS + 1));
  for (let i = 0; i < shingles.length; i++) {
    const start = i === 0 ? 0 : ends[i - 1]! + 1;
    const end = ends[Math.min(ends.length, i + SHINGLE_WORDS) - 1]!;
    const digest = sha256(bytes.subarray(start, end));
    const view = new DataView(digest.buffer, digest.byteOffset);
    shingles[i] = view.getUint32(0) * TWO_21 + (view.getUint32(4) >>> 11);
  }
  return distinct(shingles.sort());
}

/** The words of a text, folded, with one space after each, and where each ends. */
function wordsOf(text: Uint8Array): { bytes: Uint8Array; ends: Uint32Array } {
  const tokens = new TokenBuffer();
  lexInto(tokens, text, MAX_RECORD_TOKENS);
  const bytes = new Uint8Array(text.length + tokens.length);
  const ends = new Uint32Array(tokens.length);
  let words = 0;
  let length = 0;
  for (let i = 0; i < tokens.length; i++) {
    if (tokens.kinds[i] !== WORD) continue;
    for (let at = tokens.starts[i]!; at < tokens.ends[i]!; at++) bytes[length++] = foldByte(text[at]!);
    ends[words++] = length;
    bytes[length++] = SPACE;
  }
  return { bytes, ends: ends.subarray(0, words) };
}

/** Sorted numbers, each once. */
function distinct(sorted: Float64Array): Float64Array {
  let length = 0;
  for (let i = 0; i < sorted.length; i++)
    if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[length++] = sorted[i]!;
  return sorted.slice(0, length);
}

/** The 32 leading bits of a shingle, by which MinHash orders it. */
export function leadingBits(shingle: number): number {
  return Math.floor(shingle / TWO_21);
}
