import { AttributionError } from '../../errors.ts';
import { foldByte, lex, WORD } from '../../lexer/lexer.ts';
import { log2RatioQ16 } from '../../surprisal/surprisal.ts';
import { squareRoot } from '../encoder/encode.ts';
import { readWord, type WordFeatures, weightOf, wordFeatures } from '../encoder/features.ts';
import { MAX_VOCABULARY } from '../encoder/limits.ts';
import type { Encoder, EncoderShape, Vocabulary } from '../encoder/types.ts';
import { createVocabulary } from '../encoder/vocabulary.ts';
import { MAX_TRAINING_WORDS } from './limits.ts';

/** What a word adds to a text's vector: its parts' rows, and how much of each. */
export interface WeighedParts {
  /** `chunks` row numbers of each part. */
  readonly rows: Uint16Array;
  /** Weight × share, as the encoder has it for a word that occurs once, without its rounding. */
  readonly amounts: Float64Array;
}

/** A word as the trainer keeps it. */
export interface TrainingWord {
  readonly bytes: Uint8Array;
  readonly parts: WeighedParts;
}

/** Documents as sequences of word numbers, one after the other. */
export interface TrainingCorpus {
  readonly words: readonly TrainingWord[];
  /** Word number at each position. */
  readonly positions: Int32Array;
  /** Document i stands at positions starts[i] to starts[i + 1] − 1. */
  readonly starts: readonly number[];
  /** All of the encoder but its table, which is empty. */
  readonly reader: Encoder;
}

/** The weight of a word or n-gram comes from the number of passages of this many words in which it stands. */
const PASSAGE_WORDS = 64;
/** Weights are square roots of 1,024ths of a bit: of up to 15 bits the largest is below 127. */
const Q16_PER_UNIT = 64;
const LARGEST_WEIGHT = 127;
/** What stands in no passage is either rare or misspelt: it has this part of the largest weight. */
const UNSEEN = { numerator: 2, denominator: 5 } as const;
/** Sixteenths of a share. */
const SHARE_UNIT = 16;

/** @throws InvalidUtf8; AttributionError 'ShapeMismatch' if no document has a word, 'ProblemTooLarge'. */
export function readCorpus(
  documents: readonly Uint8Array[],
  shape: EncoderShape,
  weights: number,
): TrainingCorpus {
  const numbers = new Map<string, number>();
  const folded: Uint8Array[] = [];
  const positions: number[] = [];
  const starts = [0];
  for (const document of documents) {
    const tokens = lex(document);
    for (let t = 0; t < tokens.length; t++) {
      if (tokens.kinds[t] !== WORD) continue;
      const word = document.slice(tokens.starts[t], tokens.ends[t]).map(foldByte);
      const key = byteKey(word);
      let number = numbers.get(key);
      if (number === undefined) {
        number = folded.push(word) - 1;
        numbers.set(key, number);
      }
      positions.push(number);
    }
    starts.push(positions.length);
    if (positions.length > MAX_TRAINING_WORDS)
      throw new AttributionError(
        'ProblemTooLarge',
        `There are more than ${MAX_TRAINING_WORDS} words to train on.`,
      );
  }
  if (positions.length === 0)
    throw new AttributionError('ShapeMismatch', 'No document has a word to train on.');
  const features = folded.map((word) => wordFeatures(shape, word));
  const sequence = Int32Array.from(positions);
  const reader = {
    shape,
    table: new Int8Array(),
    weights: weigh(sequence, starts, features, weights),
    vocabulary: vocabularyOf(features),
  };
  const words = folded.map((bytes) => ({ bytes, parts: partsOf(reader, bytes) }));
  return { words, positions: sequence, starts, reader };
}

/** What a folded word adds to a text in which it occurs once. */
export function partsOf(reader: Encoder, word: Uint8Array): WeighedParts {
  const { hashes, rows, shares } = readWord(reader, word);
  return {
    rows,
    amounts: Float64Array.from(hashes, (hash, i) => (weightOf(reader, hash) * shares[i]!) / SHARE_UNIT),
  };
}

/** All words that occur. @throws AttributionError 'ProblemTooLarge'. */
function vocabularyOf(features: readonly WordFeatures[]): Vocabulary {
  const hashes = Uint32Array.from(new Set(features.map((word) => word.hashes[0]!))).sort();
  if (hashes.length > MAX_VOCABULARY)
    throw new AttributionError(
      'ProblemTooLarge',
      `There are ${hashes.length} different words; a vocabulary has ${MAX_VOCABULARY}.`,
    );
  return createVocabulary(hashes);
}

/** Bytes as a key of a map; a loop, since a word may have more bytes than a call takes arguments. */
export function byteKey(bytes: Uint8Array): string {
  let key = '';
  for (const byte of bytes) key += String.fromCharCode(byte);
  return key;
}

/**
 * For each entry of the table ⌊√⌊1024·log₂((passages + 1)/(passages with it + 1))⌋⌋, at most 127, and two fifths of that
 * if no passage has it. Words and n-grams of one entry count together.
 */
function weigh(
  positions: Int32Array,
  starts: readonly number[],
  features: readonly WordFeatures[],
  size: number,
): Uint8Array {
  const counts = new Int32Array(size);
  const last = new Int32Array(size);
  let passages = 0;
  for (let d = 0; d + 1 < starts.length; d++)
    for (let from = starts[d]!; from < starts[d + 1]!; from += PASSAGE_WORDS) {
      passages++;
      const to = Math.min(from + PASSAGE_WORDS, starts[d + 1]!);
      for (let i = from; i < to; i++)
        for (const hash of features[positions[i]!]!.hashes) {
          const entry = hash % size;
          if (last[entry] === passages) continue;
          last[entry] = passages;
          counts[entry]!++;
        }
    }
  const byCount = new Map<number, number>();
  return Uint8Array.from(counts, (count) => {
    const weight = byCount.get(count) ?? weightByCount(passages, count);
    byCount.set(count, weight);
    return weight;
  });
}

function weightByCount(passages: number, count: number): number {
  const units = Math.floor(log2RatioQ16(passages + 1, count + 1) / Q16_PER_UNIT);
  const weight = Math.min(LARGEST_WEIGHT, Number(squareRoot(BigInt(units))));
  return count > 0 ? weight : Math.floor((weight * UNSEEN.numerator) / UNSEEN.denominator);
}
