import type { TrainingGenerator } from '../../influence/arithmetic/generator.ts';
import type { TrainingCorpus } from './corpus.ts';
import type { EncoderTraining } from './types.ts';

/** One text of a pair: the words that stand in it, with noise. A word of the corpus by number, a damaged one by bytes. */
export type SampledWord = number | Uint8Array;

export interface Pair {
  readonly document: number;
  readonly left: SampledWord[];
  readonly right: SampledWord[];
}

/** Kinds of pairs, in sixteenths: the rest are a text and a damaged copy of a part of it. */
const NEIGHBOURS = 8;
const SAME_DOCUMENT = 3;

/** Words that are left out and words that are damaged, in 64ths: drawn for each text up to these. */
const MOST_DROPPED = 24;
const MOST_DAMAGED = 32;
const NOISE_UNIT = 64;
const CHOICE = 16;
const SMALL_A = 0x61;
const LETTERS = 26;

/**
 * Draws a pair: two passages that touch, two of one document, or a passage and a noisy part of it. Each text is noisy
 * with one chance in two.
 */
export function samplePair(corpus: TrainingCorpus, options: EncoderTraining, draw: TrainingGenerator): Pair {
  const document = drawDocument(corpus, draw);
  const start = corpus.starts[document]!;
  const end = corpus.starts[document + 1]!;
  const span = options.mostWords - options.leastWords + 1;
  const [a, b] = [options.leastWords + draw.below(span), options.leastWords + draw.below(span)];
  const kind = draw.below(CHOICE);
  const words = (from: number, length: number) =>
    Array.from(corpus.positions.subarray(Math.max(start, from), Math.min(end, from + length)));
  const from = start + draw.below(Math.max(1, end - start - a - b));
  if (kind < NEIGHBOURS) return pair(document, words(from, a), words(from + a, b));
  if (kind < NEIGHBOURS + SAME_DOCUMENT)
    return pair(document, words(from, a), words(start + draw.below(Math.max(1, end - start - b)), b));
  const part = draw.below(Math.max(1, a - options.leastWords));
  return pair(document, words(from, a), words(from + part, Math.min(b, a - part)));

  function pair(document: number, left: number[], right: number[]): Pair {
    return { document, left: noisy(corpus, left, draw), right: noisy(corpus, right, draw) };
  }
}

function drawDocument(corpus: TrainingCorpus, draw: TrainingGenerator): number {
  const { starts } = corpus;
  // The positions may be more than one draw can tell apart.
  const place = draw.below(1 << 20) * 4096 + draw.below(4096);
  const position = Math.floor((place * corpus.positions.length) / 4294967296);
  let low = 0;
  let high = starts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= position) low = middle;
    else high = middle;
  }
  return low;
}

function noisy(corpus: TrainingCorpus, words: number[], draw: TrainingGenerator): SampledWord[] {
  if (draw.below(2) === 0) return words;
  const dropped = draw.below(MOST_DROPPED + 1);
  const damaged = draw.below(MOST_DAMAGED + 1);
  const result: SampledWord[] = [];
  for (const word of words) {
    if (draw.below(NOISE_UNIT) < dropped) continue;
    result.push(draw.below(NOISE_UNIT) < damaged ? damage(corpus.words[word]!.bytes, draw) : word);
  }
  return result.length === 0 ? words : result;
}

/** One typing error: two letters swapped, one left out, one doubled, or one replaced. Only in words of four letters. */
function damage(word: Uint8Array, draw: TrainingGenerator): Uint8Array {
  if (word.length < 4 || word.some((byte) => byte >= 0x80)) return word;
  const bytes = Array.from(word);
  const at = draw.below(bytes.length - 1);
  switch (draw.below(4)) {
    case 0:
      bytes.splice(at, 2, bytes[at + 1]!, bytes[at]!);
      break;
    case 1:
      bytes.splice(at, 1);
      break;
    case 2:
      bytes.splice(at, 0, bytes[at]!);
      break;
    default:
      bytes[at] = SMALL_A + draw.below(LETTERS);
  }
  return Uint8Array.from(bytes);
}
