import { sha256 } from '@noble/hashes/sha2.js';
import type { CorpusRecord } from '../corpus/corpus.ts';
import { toHex } from '../credit/bytes.ts';
import { AttributionError } from '../errors.ts';
import { MAX_FEATURE } from '../influence/limits.ts';
import { checkModel, ModelError, type ModelProfile, type Tensor } from '../runtime/api.ts';
import { graphInput } from './features.ts';
import {
  GRAPH_BYTE_WORK,
  GRAPH_LOAD_WORK,
  GRAPH_PART_RUN_WORK,
  GRAPH_PART_WORK,
  GRAPH_RUN_WORK,
  MAX_RECORDS,
  MAX_SAMPLES,
  MAX_TRAINING_BYTES,
  MAX_TRAINING_WORK,
} from './limits.ts';
import { labelReader } from './samples.ts';
import type { GraphFeatures, TrainingSpec } from './types.ts';

const MAX_CODE = 64;
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = 0x3d;
const DIGITS = new Uint8Array(256).fill(MAX_CODE);
for (let i = 0; i < BASE64.length; i++) DIGITS[BASE64.charCodeAt(i)] = i;

/**
 * The file of a graph: its records one after another, each in base64 (RFC 4648, section 4: padded, no other character,
 * unused bits zero).
 * @returns undefined if they are not that, or not the file of the spec
 */
export function graphFile(features: GraphFeatures, records: readonly Uint8Array[]): Uint8Array | undefined {
  const file = new Uint8Array(features.modelBytes);
  let length = 0;
  for (const record of records) {
    const end = decodeBase64(record, file, length);
    if (end === undefined) return undefined;
    length = end;
  }
  return length === file.length && toHex(sha256(file)) === features.modelHash ? file : undefined;
}

/** Writes the bytes behind base64 to `file` from `at` on and gives their end; undefined if it is none or there is no room. */
function decodeBase64(text: Uint8Array, file: Uint8Array, at: number): number | undefined {
  if (text.length === 0 || text.length % 4 !== 0) return undefined;
  const padding = text.at(-1) !== PAD ? 0 : text.at(-2) !== PAD ? 1 : 2;
  const end = at + (text.length / 4) * 3 - padding;
  if (end > file.length) return undefined;
  let to = at;
  for (let from = 0; from < text.length; from += 4) {
    const isLast = from + 4 === text.length;
    let group = 0;
    for (let i = 0; i < 4; i++) {
      const digit = isLast && i >= 4 - padding ? 0 : DIGITS[text[from + i]!]!;
      if (digit === MAX_CODE) return undefined;
      group = (group << 6) | digit;
    }
    const bytes = isLast ? 3 - padding : 3;
    if ((group & (bytes === 1 ? 0xffff : bytes === 2 ? 0xff : 0)) !== 0) return undefined;
    for (let i = 0; i < bytes; i++) file[to++] = (group >>> (16 - 8 * i)) & 0xff;
  }
  return end;
}

/** What a graph takes and gives, as far as features can be made of it. */
export type GraphShape = Pick<GraphFeatures, 'input' | 'inputWidth' | 'width' | 'steps' | 'parts'>;

/**
 * One input [1, n] of float32 (numbers) or uint8 (words), one output of a fixed shape that is no bool.
 * @throws ModelError for another graph
 */
export function graphShape({
  inputs,
  outputs,
  operations,
  operators,
  initializers,
}: ModelProfile): GraphShape {
  const [given, ...otherInputs] = inputs;
  const input = INPUT_KINDS.find((kind) => GRAPH_INPUT_TYPES[kind] === given?.type);
  const [rows, inputWidth = 0, ...more] = given?.shape ?? [];
  if (input === undefined || otherInputs.length > 0 || rows !== 1 || inputWidth === 0 || more.length > 0)
    throw new ModelError('BadInput', 'The graph must have one input, float32[1, n] or uint8[1, n].');
  const [made, ...otherOutputs] = outputs;
  if (made === undefined || otherOutputs.length > 0 || made.type === 'bool')
    throw new ModelError('ShapeMismatch', 'The graph must have one output, of numbers.');
  const parts = operators.reduce((sum, { nodes }) => sum + nodes, initializers);
  return { input, inputWidth, width: elements(made.shape), steps: operations, parts };
}

/**
 * The door for a graph that gives features: that of docs/runtime.md, and what the spec says of it is true.
 * @throws ModelError; the same on every machine
 */
export function checkGraph(features: GraphFeatures, file: Uint8Array): ModelProfile {
  const profile = checkModel(file);
  const shape = graphShape(profile);
  for (const name of ['input', 'inputWidth', 'width', 'steps', 'parts'] as const)
    if (shape[name] !== features[name])
      throw new ModelError(
        'ShapeMismatch',
        `The settings say ${name} ${features[name]}, the graph has ${shape[name]}.`,
      );
  return profile;
}

/** Element type of the input of each kind. */
const GRAPH_INPUT_TYPES = { numbers: 'float32', words: 'uint8' } as const;
const INPUT_KINDS = ['numbers', 'words'] as const;

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The graph's input for a text; undefined if it is no sample. */
export function graphTensor(features: GraphFeatures, text: Uint8Array): Tensor | undefined {
  const data = graphInput(features, text);
  return data && { type: GRAPH_INPUT_TYPES[features.input], shape: [1, features.inputWidth], data };
}

/** Features from the graph's output, a negative zero as zero; undefined if one is larger than features may be. */
export function graphFeatures(
  { divisorExponent }: GraphFeatures,
  { data }: Pick<Tensor, 'data'>,
): Float64Array | undefined {
  let scale = 1;
  for (let i = 0; i < divisorExponent; i++) scale /= 2;
  const features = Float64Array.from(
    data as ArrayLike<number | bigint>,
    (value) => Number(value) * scale + 0,
  );
  return features.every((value) => Math.abs(value) <= MAX_FEATURE) ? features : undefined;
}

/**
 * The texts on which training may ask for the graph: each that some record has behind a label of the spec and that is an
 * input, once, by `graphKey`.
 * @throws AttributionError 'ProblemTooLarge' if there are more than the limits allow, or running them all takes too long
 */
export function graphTexts(
  spec: TrainingSpec & { readonly features: GraphFeatures },
  records: Iterable<CorpusRecord>,
): Map<string, Uint8Array> {
  const labelOf = labelReader(spec.classes);
  const texts = new Map<string, Uint8Array>();
  let [offered, bytes] = [0, 0];
  for (const record of records) {
    offered++;
    bytes += record.bytes.length;
    if (offered > MAX_RECORDS || bytes > MAX_TRAINING_BYTES) throw tooLarge();
    const label = labelOf(record.bytes);
    if (label === undefined) continue;
    const text = record.bytes.subarray(label.length + 1);
    const key = graphKey(text);
    if (texts.has(key) || graphInput(spec.features, text) === undefined) continue;
    if (texts.size === MAX_SAMPLES) throw tooLarge();
    texts.set(key, text);
  }
  if (graphWork(spec.features, texts.size) > MAX_TRAINING_WORK) throw tooLarge();
  return texts;
}

export function graphKey(text: Uint8Array): string {
  return toHex(sha256(text));
}

/** Multiplications of loading a graph and running it on so many samples; its steps count as one each. */
export function graphWork({ modelBytes, steps, parts }: GraphFeatures, samples: number): number {
  const load = GRAPH_LOAD_WORK + GRAPH_BYTE_WORK * modelBytes + GRAPH_PART_WORK * parts;
  return load + samples * (steps + GRAPH_RUN_WORK + GRAPH_PART_RUN_WORK * parts);
}

function tooLarge(): AttributionError {
  return new AttributionError('ProblemTooLarge', 'The training cannot be done: it runs its graph too often.');
}
