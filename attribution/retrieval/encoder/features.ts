import { AttributionError } from '../../errors.ts';
import { decodeCodePoint, foldByte, lex, utf8Length, WORD } from '../../lexer/lexer.ts';
import { MAX_FEATURES, MAX_GRAM_WORD_BYTES, MAX_TEXT_BYTES } from './limits.ts';
import type { Encoder, EncoderShape } from './types.ts';

/** A text as the encoder reads it: feature i adds weights[i] × the rows named by rows[i·chunks …]. */
export interface TextFeatures {
  readonly count: number;
  /** count × chunks row numbers. */
  readonly rows: Uint16Array;
  /** count weights from 1 to 255. */
  readonly weights: Uint8Array;
}

/** What a word by itself is to the encoder; the word's weight multiplies `parts`. */
export interface WordFeatures {
  /** Hash of the folded word: names its entry in the table of weights. */
  readonly hash: number;
  /** Row numbers: the word itself first, then its character n-grams. */
  readonly rows: Uint16Array;
}

const WORD_SEED = 0x811c9dc5;
const GRAM_SEED = 0x01234567;
const FNV_PRIME = 0x01000193;
const GOLDEN = 0x9e3779b9;
const OPENS = 0x3c;
const CLOSES = 0x3e;
const GRAM_LENGTHS = [3, 4] as const;

/** Occurrences of a word in a text count less and less: quarters of its weight for 1, 2, 3, and 4 or more. */
const REPEATS = [4, 6, 7, 8] as const;
/** Sixteenths of a word's weight for the word itself, and for each of its n-grams by their number (about 24/√number). */
const WORD_PART = 16;
const GRAM_PARTS = Array.from({ length: 256 }, (_, n) =>
  n === 0 ? 0 : Math.max(1, Math.floor(24 / Math.sqrt(n))),
);

/**
 * Features of a text: its distinct words in the order of their first occurrence, each with the rows of itself and of
 * its n-grams, until MAX_FEATURES; the word that does not fit and all after it are not read.
 * @throws InvalidUtf8; AttributionError 'ProblemTooLarge' above MAX_TEXT_BYTES.
 */
export function textFeatures(encoder: Encoder, text: Uint8Array): TextFeatures {
  const { chunks } = encoder.shape;
  const rows = new Uint16Array(MAX_FEATURES * chunks);
  const weights = new Uint8Array(MAX_FEATURES);
  let count = 0;
  for (const { word, occurrences } of distinctWords(text)) {
    const features = wordFeatures(encoder.shape, word);
    const parts = features.rows.length / chunks;
    if (count + parts > MAX_FEATURES) break;
    const weight = encoder.weights[features.hash % encoder.weights.length]!;
    for (let i = 0; i < parts; i++) {
      const part = partWeight(weight, occurrences, i, parts);
      if (part === 0) continue;
      rows.set(features.rows.subarray(i * chunks, (i + 1) * chunks), count * chunks);
      weights[count++] = part;
    }
  }
  return { count, rows: rows.subarray(0, count * chunks), weights: weights.subarray(0, count) };
}

/** Weight of part i (0: the word itself) of a word with `parts` parts that occurs that often, 0 to 255. */
export function partWeight(weight: number, occurrences: number, i: number, parts: number): number {
  const share = i === 0 ? WORD_PART : GRAM_PARTS[Math.min(parts - 1, 255)]!;
  const repeated = weight * REPEATS[Math.min(occurrences, REPEATS.length) - 1]!;
  return Math.min(255, Math.floor((repeated * share + 32) / 64));
}

/** The distinct words of a text (folded, by the lexer of docs/attribution.md) in the order of their first occurrence. */
export function distinctWords(text: Uint8Array): Iterable<{ word: Uint8Array; occurrences: number }> {
  if (text.length > MAX_TEXT_BYTES)
    throw new AttributionError(
      'ProblemTooLarge',
      `The text has ${text.length} bytes; the encoder reads ${MAX_TEXT_BYTES}.`,
    );
  const tokens = lex(text);
  const found = new Map<string, { word: Uint8Array; occurrences: number }>();
  for (let t = 0; t < tokens.length; t++) {
    if (tokens.kinds[t] !== WORD) continue;
    const word = new Uint8Array(text.subarray(tokens.starts[t], tokens.ends[t]));
    let key = '';
    for (let i = 0; i < word.length; i++) {
      word[i] = foldByte(word[i]!);
      key += String.fromCharCode(word[i]!);
    }
    const entry = found.get(key);
    if (entry === undefined) found.set(key, { word, occurrences: 1 });
    else entry.occurrences++;
  }
  return found.values();
}

/** Rows of a folded word, well-formed UTF-8: of itself, and of the 3- and 4-grams of code points of <word>. */
export function wordFeatures(shape: EncoderShape, word: Uint8Array): WordFeatures {
  const hash = fnv(WORD_SEED, word, 0, word.length);
  const hashes = [mix(hash)];
  const marked = new Uint8Array(Math.min(word.length, MAX_GRAM_WORD_BYTES) + 2);
  const starts = markWord(word, marked);
  for (const length of GRAM_LENGTHS)
    for (let i = 0; i + length < starts.length; i++)
      hashes.push(mix(fnv(GRAM_SEED, marked, starts[i]!, starts[i + length]!)));
  const rows = new Uint16Array(hashes.length * shape.chunks);
  hashes.forEach((h, i) => {
    for (let c = 0; c < shape.chunks; c++)
      rows[i * shape.chunks + c] = Math.floor((mix(h + Math.imul(c + 1, GOLDEN)) * shape.rows) / 4294967296);
  });
  return { hash: mix(hash), rows };
}

/** Writes <word> (as many whole code points as fit) and returns the byte at which each code point starts, and the end. */
function markWord(word: Uint8Array, marked: Uint8Array): number[] {
  marked[0] = OPENS;
  const starts = [0];
  let at = 0;
  while (at < word.length) {
    const next = at + utf8Length(decodeCodePoint(word, at));
    if (next + 2 > marked.length) break;
    starts.push(at + 1);
    marked.set(word.subarray(at, next), at + 1);
    at = next;
  }
  marked[at + 1] = CLOSES;
  starts.push(at + 1, at + 2);
  return starts;
}

/** FNV-1a, 32 bits. */
function fnv(seed: number, bytes: Uint8Array, from: number, to: number): number {
  let hash = seed;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, FNV_PRIME);
  return hash >>> 0;
}

/** The finaliser of MurmurHash3: every bit of the result depends on every bit of the argument. */
function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
