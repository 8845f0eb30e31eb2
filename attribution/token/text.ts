import type { Frequencies } from '../index/token-index.ts';
import { lex, type Tokens, WORD } from '../lexer/lexer.ts';
import type { CreditIndex } from './types.ts';

/** A text read through an index: its tokens, their numbers in the index (-1: unknown there) and running sums. */
export interface IndexedText {
  readonly tokens: Tokens;
  readonly ids: Int32Array;
  /** surprisalBefore[e] - surprisalBefore[s] is the surprisal of tokens s to e - 1, in 2⁻¹⁶ bit. Below 2⁵³. */
  readonly surprisalBefore: Float64Array;
  /** wordsBefore[e] - wordsBefore[s] is the number of words among tokens s to e - 1. */
  readonly wordsBefore: Int32Array;
}

/** @throws InvalidUtf8; AttributionError 'TooManyTokens' above `maxTokens`. */
export function readText(
  index: CreditIndex,
  bytes: Uint8Array,
  maxTokens: number,
  frequencies: Frequencies,
): IndexedText {
  const tokens = lex(bytes, maxTokens);
  const ids = new Int32Array(tokens.length);
  const surprisalBefore = new Float64Array(tokens.length + 1);
  const wordsBefore = new Int32Array(tokens.length + 1);
  for (let i = 0; i < tokens.length; i++) {
    const id = index.tokenId(bytes, tokens.starts[i]!, tokens.ends[i]!);
    ids[i] = id;
    surprisalBefore[i + 1] = surprisalBefore[i]! + index.surprisalOf(id, frequencies);
    wordsBefore[i + 1] = wordsBefore[i]! + (tokens.kinds[i] === WORD ? 1 : 0);
  }
  return { tokens, ids, surprisalBefore, wordsBefore };
}

/** Numbers of a text's tokens in the index (-1: unknown there). */
export function readIds(index: CreditIndex, bytes: Uint8Array, maxTokens: number): Int32Array {
  const tokens = lex(bytes, maxTokens);
  const ids = new Int32Array(tokens.length);
  for (let i = 0; i < ids.length; i++) ids[i] = index.tokenId(bytes, tokens.starts[i]!, tokens.ends[i]!);
  return ids;
}
