import { AttributionError } from '../errors.ts';
import type { PhraseCursor, TokenIndex } from '../index/token-index.ts';
import { lexInto, TokenBuffer, WORD } from '../lexer/lexer.ts';
import { MAX_CONTEXT_TOKENS, MAX_CONTINUATION_TOKENS, MAX_PROMPT_TOKENS } from '../limits.ts';
import { readIds } from '../token/text.ts';
import { createGenerator, type Generator } from './generator.ts';

export interface ContinueTextInput {
  readonly index: TokenIndex;
  /** UTF-8 text to continue; may be empty. */
  readonly prompt: Uint8Array;
  /** Any bytes: the same seed gives the same text on every machine. */
  readonly seed: Uint8Array;
  /** Most tokens of the answer. */
  readonly maxTokens: number;
  /** Most bytes of the answer; unlimited by default. */
  readonly maxBytes?: number;
  /** After this many tokens the answer ends with the next sentence. Default: maxTokens, so only the limits end it. */
  readonly minTokens?: number;
}

export interface Continuation {
  /** The answer as UTF-8. Its tokens are exactly `tokens`. */
  readonly text: Uint8Array;
  /** Numbers of the answer's tokens in the index. */
  readonly tokens: readonly number[];
  /** Position in the index of the occurrence that supplied each token: the answer's true sources. */
  readonly positions: readonly number[];
}

/**
 * A language model without training: continues a text by the suffix index of the pinned records, as the ∞-gram model
 * does (Liu et al., arXiv 2401.17377). The context is the longest end of the text so far, at most MAX_CONTEXT_TOKENS
 * tokens, that continues in at least two records; if there is none, the empty one. The next token is drawn in
 * proportion to how often it follows the context. Words are written as they stand in the record that was drawn, so
 * that the answer keeps its capitals and its spacing.
 *
 * Integers only, so its output is the same on every machine and validators may check it by running it.
 * @throws InvalidUtf8, AttributionError 'InvalidParameter', 'TooManyTokens'. An empty index gives an empty text.
 */
export function continueText(input: ContinueTextInput): Continuation {
  const { index, maxTokens, maxBytes = Number.MAX_SAFE_INTEGER, minTokens = maxTokens } = input;
  if (!Number.isInteger(maxTokens) || maxTokens < 0 || maxTokens > MAX_CONTINUATION_TOKENS)
    throw new AttributionError(
      'InvalidParameter',
      `maxTokens is ${maxTokens}; it must be 0 to ${MAX_CONTINUATION_TOKENS}.`,
    );
  const text = [...readIds(index, input.prompt, MAX_PROMPT_TOKENS).slice(-MAX_CONTEXT_TOKENS)];
  const promptTokens = text.length;
  const positions: number[] = [];
  const generator = createGenerator(input.seed);
  const writer = createWriter(index);
  const cursor = index.cursor();
  while (text.length - promptTokens < maxTokens && index.totalTokens > 0) {
    const position = drawNext(index, cursor, text, generator);
    if (!writer.append(position, maxBytes)) break;
    text.push(index.tokenAt(position));
    positions.push(position);
    if (text.length - promptTokens >= minTokens && writer.endsSentence()) break;
  }
  return { text: writer.done(), tokens: text.slice(promptTokens), positions };
}

/** Position of the drawn occurrence of the next token. */
function drawNext(
  index: TokenIndex,
  cursor: PhraseCursor,
  text: readonly number[],
  generator: Generator,
): number {
  for (let length = Math.min(MAX_CONTEXT_TOKENS, text.length); length >= 0; length--) {
    cursor.reset();
    let read = 0;
    while (read < length && cursor.extend(text[text.length - length + read]!)) read++;
    if (read < length) continue;
    const followers = index.followers(cursor);
    if (length === 0 || followers.inSeveralRecords)
      return followers.position(generator.below(followers.count));
  }
  throw new Error('unreachable: the empty context has followers in any index that has tokens');
}

const SENTENCE_ENDS = new Set(['.', '!', '?'].map((mark) => mark.charCodeAt(0)));
const SPACE_BYTE = 0x20;

/** Writes tokens as they stand in their records. */
function createWriter(index: TokenIndex) {
  const buffer = new TokenBuffer();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  /** Where the next token stands in the record that was drawn last: there its spacing is known. */
  let previousToken = -1;
  return {
    /** False, and nothing written, if the token does not fit into `maxBytes`. */
    append(position: number, maxBytes: number): boolean {
      const record = index.bytesOf(index.recordOf(position));
      const start = index.byteOffsetOf(position);
      lexInto(buffer, record, 1, 'stop', start);
      const end = buffer.ends[0]!;
      const isWord = buffer.kinds[0] === WORD;
      const gap = bytes > 0 && needsSpace(position, start, isWord) ? 1 : 0;
      if (bytes + gap + end - start > maxBytes) return false;
      if (gap === 1) chunks.push(Uint8Array.of(SPACE_BYTE));
      chunks.push(record.subarray(start, end));
      bytes += gap + end - start;
      previousToken = index.tokenAt(position);
      return true;
    },
    endsSentence(): boolean {
      const last = chunks[chunks.length - 1];
      return last !== undefined && last.length === 1 && SENTENCE_ENDS.has(last[0]!);
    },
    done(): Uint8Array {
      const text = new Uint8Array(bytes);
      let at = 0;
      for (const chunk of chunks) {
        text.set(chunk, at);
        at += chunk.length;
      }
      return text;
    },
  };

  /** As in the record if the same token precedes there; else before every word, for two neighbours would become one. */
  function needsSpace(position: number, start: number, isWord: boolean): boolean {
    const { token, record } = index.placeOf(position);
    if (token > 0 && index.tokenAt(position - 1) === previousToken) {
      lexInto(buffer, index.bytesOf(record), 1, 'stop', index.byteOffsetOf(position - 1));
      return buffer.ends[0]! < start;
    }
    return isWord;
  }
}
