import { AttributionError } from '../../errors.ts';
import { createTrainingGenerator } from '../../influence/arithmetic/generator.ts';
import { roundHalfEven } from '../../influence/arithmetic/integers.ts';
import type { Encoder, EncoderShape } from '../encoder/types.ts';
import { checkEncoderTraining } from './check.ts';
import { type Contrast, createContrast } from './contrast.ts';
import { byteKey, partsOf, readCorpus, type TrainingCorpus, type WeighedParts } from './corpus.ts';
import { type Pair, type SampledWord, samplePair } from './sampler.ts';
import type { EncoderTraining } from './types.ts';

/** Purposes of the seeded generator: one stream each. */
const INITIAL_TABLE = 16;
const PAIRS = 17;

/** Numbers of the table beyond this many times their root mean square are cut off. */
const CUT = 4;
const LARGEST = 127;

/**
 * Trains an encoder on documents (UTF-8). The same documents and options give the same bits on every processor.
 * @param progress called after each batch with the number of batches done.
 * @throws InvalidUtf8; AttributionError 'InvalidParameter' for options out of range, 'ShapeMismatch' if no document has
 *   a word, 'ProblemTooLarge', 'NotConverged'.
 */
export function trainEncoder(
  documents: readonly Uint8Array[],
  options: EncoderTraining,
  progress: (steps: number) => void = () => {},
): Encoder {
  checkEncoderTraining(options);
  const { shape } = options;
  const corpus = readCorpus(documents, shape, options.weights);
  const table = initialTable(options);
  const energy = new Float64Array(shape.rows);
  const contrast = createContrast(options.batchSize, shape.width * shape.chunks);
  const scratch = { vectors: new Float64Array(), gradients: new Float64Array() };
  const draw = createTrainingGenerator(options.seed, PAIRS);
  for (let step = 0; step < options.steps; step++) {
    const pairs = Array.from({ length: options.batchSize }, () => samplePair(corpus, options, draw));
    // The rate falls to nothing along a straight line.
    const rate = (options.learningRateMicro / 1e6) * (1 - step / options.steps);
    descend(pairs, corpus, { table, energy, contrast, scratch }, options, rate);
    progress(step + 1);
  }
  if (!table.every((value) => Number.isFinite(value)))
    throw new AttributionError('NotConverged', 'The table diverged. Train with a smaller learning rate.');
  return { ...corpus.reader, table: quantise(table) };
}

function initialTable({ shape, seed }: EncoderTraining): Float32Array {
  const draw = createTrainingGenerator(seed, INITIAL_TABLE);
  return Float32Array.from({ length: shape.rows * shape.width }, () => draw.signed());
}

/** A text as the words of the batch that it holds. */
interface BatchText {
  readonly words: Int32Array;
  /** How much each counts for its number of occurrences. */
  readonly repeats: Float64Array;
}

/** What changes from batch to batch. */
interface State {
  readonly table: Float32Array;
  /** Sum of squares of the gradients of each row. */
  readonly energy: Float64Array;
  readonly contrast: Contrast;
  /** Vectors and gradients of a batch's words; new memory for each batch would cost more than the work on it. */
  readonly scratch: { vectors: Float64Array; gradients: Float64Array };
}

function descend(
  pairs: readonly Pair[],
  corpus: TrainingCorpus,
  state: State,
  options: EncoderTraining,
  rate: number,
): void {
  const { shape } = options;
  const { table, energy, contrast, scratch } = state;
  const dimensions = shape.width * shape.chunks;
  const { texts, words } = collect(
    pairs.flatMap(({ left, right }) => [left, right]),
    corpus,
  );
  scratch.vectors = cleared(scratch.vectors, words.length * dimensions);
  const { vectors } = scratch;
  words.forEach((word, i) => {
    addRows(word, table, shape, vectors, i * dimensions);
  });
  const units = texts.map((text) => unit(text, vectors, dimensions));
  const sides = [contrast.left, contrast.right];
  units.forEach(({ vector }, i) => {
    sides[i % 2]!.set(vector, (i >> 1) * dimensions);
  });
  contrast.differentiate(
    pairs.map((pair) => pair.document),
    options.sharpness,
  );
  scratch.gradients = cleared(scratch.gradients, words.length * dimensions);
  const { gradients } = scratch;
  units.forEach((text, i) => {
    const at = (i >> 1) * dimensions;
    spread(texts[i]!, text, sides[i % 2]!.subarray(at, at + dimensions), gradients);
  });
  words.forEach((word, i) => {
    update(word, table, energy, shape, gradients, i * dimensions, rate);
  });
}

/** An array of at least `length` zeros. */
function cleared(array: Float64Array, length: number): Float64Array {
  return array.length >= length ? array.fill(0, 0, length) : new Float64Array(2 * length);
}

function collect(
  samples: readonly SampledWord[][],
  corpus: TrainingCorpus,
): { texts: BatchText[]; words: WeighedParts[] } {
  const numbers = new Map<number | string, number>();
  const words: WeighedParts[] = [];
  const numberOf = (word: SampledWord): number => {
    const key = typeof word === 'number' ? word : byteKey(word);
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, words.length);
    return (
      words.push(typeof word === 'number' ? corpus.words[word]!.parts : partsOf(corpus.reader, word)) - 1
    );
  };
  const texts = samples.map((sample) => {
    const counts = new Map<number, number>();
    for (const word of sample) {
      const number = numberOf(word);
      counts.set(number, (counts.get(number) ?? 0) + 1);
    }
    return { words: Int32Array.from(counts.keys()), repeats: Float64Array.from(counts.values(), repeated) };
  });
  return { texts, words };
}

function repeated(count: number): number {
  return count === 1 ? 1 : count === 2 ? 1.5 : count === 3 ? 1.75 : 2;
}

function addRows(
  { rows, amounts }: WeighedParts,
  table: Float32Array,
  { width, chunks }: EncoderShape,
  out: Float64Array,
  at: number,
): void {
  for (let i = 0; i < amounts.length; i++) {
    const amount = amounts[i]!;
    for (let c = 0; c < chunks; c++) {
      const row = rows[i * chunks + c]! * width;
      const to = at + c * width;
      for (let k = 0; k < width; k++) out[to + k]! += amount * table[row + k]!;
    }
  }
}

/** A text's vector brought to length 1, and its length before. */
interface Unit {
  readonly vector: Float64Array;
  readonly length: number;
}

function unit(text: BatchText, vectors: Float64Array, dimensions: number): Unit {
  const vector = new Float64Array(dimensions);
  for (let i = 0; i < text.words.length; i++) {
    const weight = text.repeats[i]!;
    const from = text.words[i]! * dimensions;
    for (let k = 0; k < dimensions; k++) vector[k]! += weight * vectors[from + k]!;
  }
  let square = 0;
  for (let k = 0; k < dimensions; k++) square += vector[k]! * vector[k]!;
  const length = Math.sqrt(square);
  if (length > 0) for (let k = 0; k < dimensions; k++) vector[k]! /= length;
  return { vector, length };
}

/** Adds a text's gradient to its words: the part along the vector itself is lost in the division by its length. */
function spread(text: BatchText, { vector, length }: Unit, gradient: Float32Array, out: Float64Array): void {
  if (length === 0) return;
  const dimensions = vector.length;
  let along = 0;
  for (let k = 0; k < dimensions; k++) along += gradient[k]! * vector[k]!;
  const own = new Float64Array(dimensions);
  for (let k = 0; k < dimensions; k++) own[k] = (gradient[k]! - along * vector[k]!) / length;
  for (let i = 0; i < text.words.length; i++) {
    const weight = text.repeats[i]!;
    const to = text.words[i]! * dimensions;
    for (let k = 0; k < dimensions; k++) out[to + k]! += weight * own[k]!;
  }
}

/** AdaGrad with one sum of squares a row, in the order of the batch's words. */
function update(
  { rows, amounts }: WeighedParts,
  table: Float32Array,
  energy: Float64Array,
  { width, chunks }: EncoderShape,
  gradients: Float64Array,
  at: number,
  rate: number,
): void {
  for (let c = 0; c < chunks; c++) {
    let square = 0;
    const from = at + c * width;
    for (let k = 0; k < width; k++) square += gradients[from + k]! * gradients[from + k]!;
    if (square === 0) continue;
    for (let i = 0; i < amounts.length; i++) {
      const amount = amounts[i]!;
      if (amount === 0) continue;
      const row = rows[i * chunks + c]!;
      energy[row]! += (amount * amount * square) / width;
      const step = (rate * amount) / Math.sqrt(energy[row]!);
      for (let k = 0; k < width; k++)
        table[row * width + k] = table[row * width + k]! - step * gradients[from + k]!;
    }
  }
}

/** To −127 … 127, halves to even; the largest stands for CUT times the root mean square. */
function quantise(table: Float32Array): Int8Array {
  let square = 0;
  for (const value of table) square += value * value;
  const scale = LARGEST / (CUT * Math.sqrt(square / table.length));
  return Int8Array.from(table, (value) =>
    Math.max(-LARGEST, Math.min(LARGEST, roundHalfEven(value * scale))),
  );
}
