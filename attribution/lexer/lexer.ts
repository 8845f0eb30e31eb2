import { AttributionError, InvalidUtf8 } from '../errors.ts';
import { classOf, LETTER, MARK, SINGLE } from './character-classes.ts';

/** A word, or a character of a script without spaces. */
export const WORD = 0;
/** A punctuation mark or sign. */
export const PUNCTUATION = 1;

/**
 * Tokens of one text as parallel arrays (valid up to `length`): `starts` and `ends` are byte offsets into the text,
 * `kinds` is WORD or PUNCTUATION. Two tokens are equal when their bytes are, after ASCII capitals are folded.
 */
export interface Tokens {
  readonly length: number;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly kinds: Uint8Array;
}

/** Reusable memory for `lexInto`: one text after another without a new allocation for each. */
export class TokenBuffer implements Tokens {
  length = 0;
  starts = new Uint32Array(256);
  ends = new Uint32Array(256);
  kinds = new Uint8Array(256);

  push(start: number, end: number, kind: number): void {
    if (this.length === this.kinds.length) this.#grow();
    this.starts[this.length] = start;
    this.ends[this.length] = end;
    this.kinds[this.length] = kind;
    this.length++;
  }

  #grow(): void {
    const { starts, ends, kinds } = this;
    const size = kinds.length * 2;
    this.starts = new Uint32Array(size);
    this.ends = new Uint32Array(size);
    this.kinds = new Uint8Array(size);
    this.starts.set(starts);
    this.ends.set(ends);
    this.kinds.set(kinds);
  }
}

/**
 * Code point of the UTF-8 sequence at `at`, by the well-formed sequences of Unicode table 3-7: no overlong form, no
 * surrogate, nothing above U+10FFFF.
 * @throws InvalidUtf8 with `at` as its offset.
 */
export function decodeCodePoint(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return lead;
  const left = bytes.length - at;
  if (lead >= 0xc2 && lead <= 0xdf) {
    if (left < 2) throw new InvalidUtf8(at);
    const b1 = bytes[at + 1]!;
    if ((b1 & 0xc0) !== 0x80) throw new InvalidUtf8(at);
    return ((lead & 0x1f) << 6) | (b1 & 0x3f);
  }
  if (lead >= 0xe0 && lead <= 0xef) {
    if (left < 3) throw new InvalidUtf8(at);
    const b1 = bytes[at + 1]!;
    const b2 = bytes[at + 2]!;
    const lowest = lead === 0xe0 ? 0xa0 : 0x80;
    const highest = lead === 0xed ? 0x9f : 0xbf;
    if (b1 < lowest || b1 > highest || (b2 & 0xc0) !== 0x80) throw new InvalidUtf8(at);
    return ((lead & 0x0f) << 12) | ((b1 & 0x3f) << 6) | (b2 & 0x3f);
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (left < 4) throw new InvalidUtf8(at);
    const b1 = bytes[at + 1]!;
    const b2 = bytes[at + 2]!;
    const b3 = bytes[at + 3]!;
    const lowest = lead === 0xf0 ? 0x90 : 0x80;
    const highest = lead === 0xf4 ? 0x8f : 0xbf;
    if (b1 < lowest || b1 > highest || (b2 & 0xc0) !== 0x80 || (b3 & 0xc0) !== 0x80)
      throw new InvalidUtf8(at);
    return ((lead & 0x07) << 18) | ((b1 & 0x3f) << 12) | ((b2 & 0x3f) << 6) | (b3 & 0x3f);
  }
  throw new InvalidUtf8(at);
}

/** Bytes that the UTF-8 form of a scalar value takes. */
export function utf8Length(codePoint: number): number {
  return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
}

/**
 * Tokens of `bytes` from `from` on, into `buffer` (cleared first). Linear in the bytes; stops after `maxTokens`
 * tokens when `onLimit` is 'stop', refuses when it is 'refuse'.
 * @throws InvalidUtf8, or AttributionError 'TooManyTokens'.
 */
export function lexInto(
  buffer: TokenBuffer,
  bytes: Uint8Array,
  maxTokens: number,
  onLimit: 'refuse' | 'stop' = 'refuse',
  from = 0,
): void {
  buffer.length = 0;
  const end = bytes.length;
  let wordStart = -1;
  let at = from;
  while (at < end) {
    const codePoint = decodeCodePoint(bytes, at);
    const cls = classOf(codePoint);
    const next = at + utf8Length(codePoint);
    if (cls === LETTER) {
      if (wordStart < 0) wordStart = at;
    } else {
      if (wordStart >= 0) {
        buffer.push(wordStart, at, WORD);
        wordStart = -1;
      }
      if (cls === SINGLE) buffer.push(at, next, WORD);
      else if (cls === MARK) buffer.push(at, next, PUNCTUATION);
      if (buffer.length >= maxTokens) {
        if (onLimit === 'stop') return;
        if (buffer.length > maxTokens) throw tooManyTokens(maxTokens);
      }
    }
    at = next;
  }
  if (wordStart >= 0) buffer.push(wordStart, end, WORD);
  if (buffer.length > maxTokens) throw tooManyTokens(maxTokens);
}

/**
 * Tokens of a UTF-8 text (docs/attribution.md, "Lexer"). `tokens.starts/ends` are byte offsets.
 * @param maxTokens most tokens that are accepted.
 * @throws InvalidUtf8 for bytes that are not UTF-8; AttributionError 'TooManyTokens' above the limit.
 */
export function lex(bytes: Uint8Array, maxTokens: number = Number.MAX_SAFE_INTEGER): Tokens {
  const buffer = new TokenBuffer();
  lexInto(buffer, bytes, maxTokens);
  return {
    length: buffer.length,
    starts: buffer.starts.slice(0, buffer.length),
    ends: buffer.ends.slice(0, buffer.length),
    kinds: buffer.kinds.slice(0, buffer.length),
  };
}

/** Bytes by which the token at `index` is compared: ASCII capitals folded to small letters. */
export function tokenBytes(bytes: Uint8Array, tokens: Tokens, index: number): Uint8Array {
  const folded = bytes.slice(tokens.starts[index], tokens.ends[index]);
  for (let i = 0; i < folded.length; i++) folded[i] = foldByte(folded[i]!);
  return folded;
}

/** ASCII capital to small letter, any other byte (also those of longer UTF-8 sequences) as it is. */
export function foldByte(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

function tooManyTokens(limit: number): AttributionError {
  return new AttributionError('TooManyTokens', `The text has more than ${limit} tokens. Send a shorter one.`);
}
