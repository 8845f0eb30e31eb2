import { InvalidUtf8 } from '../errors.ts';
import { MAX_FEATURE } from '../influence/limits.ts';
import { lex } from '../lexer/lexer.ts';
import { MAX_RECORD_BYTES } from './limits.ts';
import type { FeatureSource, Graph, GraphFeatures, SentenceEncoder } from './types.ts';
import { wordCounts } from './word-counts.ts';

const SPACE = 0x20;
const LINE_FEED = 0x0a;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
/** Digits of a number: 2³¹ has ten. */
const MAX_DIGITS = 10;

/** Turns what a spec calls a sample into features; undefined for bytes that are none. */
export type ReadFeatures = (bytes: Uint8Array) => Float64Array | undefined;

/** What features are made with, beside the bytes: each is read for its own kind only. */
export interface FeatureMakers {
  /** Of the hash that the spec names. */
  readonly encoder?: SentenceEncoder;
  /** That of the spec, run on all texts that will be asked for. */
  readonly graph?: Graph;
}

export function featureReader(source: FeatureSource, { encoder, graph }: FeatureMakers): ReadFeatures {
  if (source.kind === 'onnx') {
    if (graph?.kind !== 'ran') throw new Error('features of a graph need what it gave');
    return graph.featuresOf;
  }
  const scale = 1 / powerOfTwo(source.divisorExponent);
  if (source.kind === 'numbers') return (bytes) => numbersIn(bytes, source.width, scale);
  if (encoder === undefined) throw new Error('features of texts need the encoder');
  return (bytes) => (isText(bytes) ? folded(encoder.encode(bytes), source.width, scale) : undefined);
}

/**
 * A vector in fewer numbers: number j of it is added to feature j mod width, or taken from it, as the lowest bit of F(j)
 * says (F the finisher of MurmurHash3). Products of two vectors stay what they were, but for noise (count sketch).
 */
function folded(vector: Int8Array, width: number, scale: number): Float64Array {
  const features = new Float64Array(width);
  vector.forEach((value, j) => {
    features[j % width]! += (finish(j) & 1) === 1 ? value : -value;
  });
  return features.map((sum) => sum * scale);
}

function finish(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** What goes into the graph for a text, as its input's numbers; undefined if it is no sample. */
export function graphInput(
  { input, inputWidth, inputExponent }: GraphFeatures,
  text: Uint8Array,
): Float32Array | Uint8Array | undefined {
  if (input === 'words') return isText(text) ? wordCounts(text, inputWidth) : undefined;
  const numbers = numbersIn(text, inputWidth, 1 / powerOfTwo(inputExponent));
  // To the nearest float, ties to even.
  return numbers && Float32Array.from(numbers);
}

/**
 * Whether a prompt is a sample of these features, which needs neither encoder nor graph. Of one that is, a graph may
 * still give nothing.
 */
export function isSample(source: FeatureSource, bytes: Uint8Array): boolean {
  if (source.kind === 'text') return isText(bytes);
  if (source.kind === 'onnx')
    return source.input === 'words'
      ? isText(bytes)
      : numbersIn(bytes, source.inputWidth, 1 / powerOfTwo(source.inputExponent)) !== undefined;
  return numbersIn(bytes, source.width, 1 / powerOfTwo(source.divisorExponent)) !== undefined;
}

function isText(bytes: Uint8Array): boolean {
  if (bytes.length > MAX_RECORD_BYTES) return false;
  try {
    lex(bytes);
    return true;
  } catch (error) {
    if (error instanceof InvalidUtf8) return false;
    throw error;
  }
}

/**
 * `width` decimal integers, one space or line feed between them, a line feed at the end if you like. A number is 0, or
 * has an optional minus and up to ten digits of which the first is not 0; times `scale` it is at most MAX_FEATURE.
 */
function numbersIn(bytes: Uint8Array, width: number, scale: number): Float64Array | undefined {
  const features = new Float64Array(width);
  let at = 0;
  for (let j = 0; j < width; j++) {
    if (j > 0 && bytes[at] !== SPACE && bytes[at] !== LINE_FEED) return undefined;
    if (j > 0) at++;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at++;
    const first = at;
    let value = 0;
    while (at < bytes.length && bytes[at]! >= ZERO && bytes[at]! <= NINE && at - first < MAX_DIGITS)
      value = 10 * value + bytes[at++]! - ZERO;
    const isCanonical = bytes[first] === ZERO ? at - first === 1 && !isNegative : at > first;
    if (!isCanonical || value * scale > MAX_FEATURE) return undefined;
    features[j] = isNegative ? -value * scale : value * scale;
  }
  if (bytes[at] === LINE_FEED) at++;
  return at === bytes.length ? features : undefined;
}

function powerOfTwo(exponent: number): number {
  let power = 1;
  for (let i = 0; i < exponent; i++) power *= 2;
  return power;
}
