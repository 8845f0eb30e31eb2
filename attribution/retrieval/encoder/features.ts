import { AttributionError } from '../../errors.ts';
import { decodeCodePoint, foldByte, lex, utf8Length, WORD } from '../../lexer/lexer.ts';
import { fnv, mix, wordHash } from './hash.ts';
import { MAX_FEATURES, MAX_GRAM_WORD_BYTES, MAX_TEXT_BYTES } from './limits.ts';
import { spelledWord } from './spelling.ts';
import type { Encoder, EncoderShape } from './types.ts';

/** A text as the encoder reads it: feature i adds weights[i] × the rows named by rows[i·chunks …]. */
export interface TextFeatures {
  readonly count: number;
  /** count × chunks row numbers. */
  readonly rows: Uint16Array;
  /** count weights from 1 to 255. */
  readonly weights: Uint8Array;
}

/** The parts of a word: the word itself first, then its character n-grams, or more (see `readWord`). */
export interface WordFeatures {
  /** Hash of each part: names its entry in the table of weights. */
  readonly hashes: Uint32Array;
  /** `chunks` row numbers of each part. */
  readonly rows: Uint16Array;
  /** Sixteenths of its weight that each part adds. */
  readonly shares: Uint8Array;
}

const GRAM_SEED = 0x01234567;
const GOLDEN = 0x9e3779b9;
const OPENS = 0x3c;
const CLOSES = 0x3e;
const GRAM_LENGTHS = [3, 4] as const;

/** Occurrences of a word in a text count less and less: quarters of its weight for 1, 2, 3, and 4 or more. */
const REPEATS = [4, 6, 7, 8] as const;
/** Shares of the word itself, of each of its n-grams by their number (about 24/√number), and of a word as it is misspelt. */
const WORD_SHARE = 16;
const MISSPELT_SHARE = 8;
const GRAM_SHARES = Array.from({ length: 256 }, (_, n) =>
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
    const { hashes, rows: wordRows, shares } = readWord(encoder, word);
    if (count + hashes.length > MAX_FEATURES) break;
    for (let i = 0; i < hashes.length; i++) {
      const weight = partWeight(weightOf(encoder, hashes[i]!), occurrences, shares[i]!);
      if (weight === 0) continue;
      rows.set(wordRows.subarray(i * chunks, (i + 1) * chunks), count * chunks);
      weights[count++] = weight;
    }
  }
  return { count, rows: rows.subarray(0, count * chunks), weights: weights.subarray(0, count) };
}

/** The weight of a word or n-gram by its hash. */
export function weightOf({ weights }: Encoder, hash: number): number {
  return weights[hash % weights.length]!;
}

/** What a part of that weight adds in a word that occurs that often, 0 to 255. */
function partWeight(weight: number, occurrences: number, share: number): number {
  const repeated = weight * REPEATS[Math.min(occurrences, REPEATS.length) - 1]!;
  return Math.min(255, Math.floor((repeated * share + 32) / 64));
}

/** The parts of a folded word as it is spelt right and, if it is not, the word as it is with half a share. */
export function readWord(encoder: Encoder, word: Uint8Array): WordFeatures {
  const spelled = spelledWord(encoder, word);
  const features = wordFeatures(encoder.shape, spelled);
  if (spelled === word) return features;
  const hash = wordHash(word);
  const hashes = Uint32Array.of(...features.hashes, hash);
  const shares = Uint8Array.of(...features.shares, MISSPELT_SHARE);
  return { hashes, rows: rowsOf(encoder.shape, hashes), shares };
}

/** The distinct words of a text as they are written (folded, by the lexer of docs/attribution.md) in the order of their first occurrence. */
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
  const hashes = [wordHash(word)];
  const marked = new Uint8Array(Math.min(word.length, MAX_GRAM_WORD_BYTES) + 2);
  const starts = markWord(word, marked);
  for (const length of GRAM_LENGTHS)
    for (let i = 0; i + length < starts.length; i++)
      hashes.push(mix(fnv(GRAM_SEED, marked, starts[i]!, starts[i + length]!)));
  const shares = new Uint8Array(hashes.length).fill(GRAM_SHARES[Math.min(hashes.length - 1, 255)]!);
  shares[0] = WORD_SHARE;
  return { hashes: Uint32Array.from(hashes), rows: rowsOf(shape, hashes), shares };
}

/** The rows of parts, by their hashes. */
function rowsOf(shape: EncoderShape, hashes: ArrayLike<number>): Uint16Array {
  const rows = new Uint16Array(hashes.length * shape.chunks);
  for (let i = 0; i < hashes.length; i++)
    for (let c = 0; c < shape.chunks; c++)
      rows[i * shape.chunks + c] = Math.floor(
        (mix(hashes[i]! + Math.imul(c + 1, GOLDEN)) * shape.rows) / 4294967296,
      );
  return rows;
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
