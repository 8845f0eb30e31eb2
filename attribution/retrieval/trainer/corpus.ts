import { AttributionError } from '../../errors.ts';
import { foldByte, lex, WORD } from '../../lexer/lexer.ts';
import { log2RatioQ16 } from '../../surprisal/surprisal.ts';
import { wordFeatures } from '../encoder/features.ts';
import type { EncoderShape } from '../encoder/types.ts';
import { MAX_TRAINING_WORDS } from './limits.ts';

/** A word as the trainer keeps it. */
export interface TrainingWord {
  readonly bytes: Uint8Array;
  readonly rows: Uint16Array;
  readonly weight: number;
}

/** Documents as sequences of word numbers, one after the other. */
export interface TrainingCorpus {
  readonly words: readonly TrainingWord[];
  /** Word number at each position. */
  readonly positions: Int32Array;
  /** Document i stands at positions starts[i] to starts[i + 1] − 1. */
  readonly starts: readonly number[];
  /** The encoder's table of word weights. */
  readonly weights: Uint8Array;
}

/** A word's weight comes from the number of passages of this many words in which it stands. */
const PASSAGE_WORDS = 64;
/** Units of a bit: the rarest words of 60,000 passages have the largest weight. */
const WEIGHT_PER_BIT = 8;
const LARGEST_WEIGHT = 127;

/** @throws InvalidUtf8; AttributionError 'ShapeMismatch' if no document has a word, 'ProblemTooLarge'. */
export function readCorpus(
  documents: readonly Uint8Array[],
  shape: EncoderShape,
  wordWeights: number,
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
  const entries = features.map(({ hash }) => hash % wordWeights);
  const sequence = Int32Array.from(positions);
  const weights = weighWords(sequence, starts, entries, wordWeights);
  const words = folded.map((bytes, i) => ({
    bytes,
    rows: features[i]!.rows,
    weight: weights[entries[i]!]!,
  }));
  return { words, positions: sequence, starts, weights };
}

/** Bytes as a key of a map; a loop, since a word may have more bytes than a call takes arguments. */
export function byteKey(bytes: Uint8Array): string {
  let key = '';
  for (const byte of bytes) key += String.fromCharCode(byte);
  return key;
}

/** ⌊8·log₂((passages + 1)/(passages with the word + 1))⌋, at most 127; words of one entry of the table count together. */
function weighWords(
  positions: Int32Array,
  starts: readonly number[],
  entries: readonly number[],
  size: number,
): Uint8Array {
  const counts = new Int32Array(size);
  const last = new Int32Array(size);
  let passages = 0;
  for (let d = 0; d + 1 < starts.length; d++)
    for (let from = starts[d]!; from < starts[d + 1]!; from += PASSAGE_WORDS) {
      passages++;
      const to = Math.min(from + PASSAGE_WORDS, starts[d + 1]!);
      for (let i = from; i < to; i++) {
        const entry = entries[positions[i]!]!;
        if (last[entry] === passages) continue;
        last[entry] = passages;
        counts[entry]!++;
      }
    }
  const byCount = new Map<number, number>();
  return Uint8Array.from(counts, (count) => {
    let weight = byCount.get(count);
    if (weight === undefined) {
      const units = Math.floor((log2RatioQ16(passages + 1, count + 1) * WEIGHT_PER_BIT) / 65_536);
      weight = Math.min(LARGEST_WEIGHT, units);
      byCount.set(count, weight);
    }
    return weight;
  });
}
