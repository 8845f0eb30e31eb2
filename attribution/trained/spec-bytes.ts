import { keccak_256 } from '@noble/hashes/sha3.js';
import { ByteWriter, fromHex, toHex } from '../credit/bytes.ts';
import type { AdapterTraining, NewtonTraining, SgdTraining } from '../influence/api.ts';
import { ByteReader } from './byte-reader.ts';
import { checkSpec, invalidSpec } from './check-spec.ts';
import { MAX_CLASSES, MAX_LABEL_BYTES } from './limits.ts';
import type { FeatureSource, MetricSpec, TrainedKind, TrainingSpec } from './types.ts';

/**
 * A spec as bytes, all integers big-endian:
 *
 * | bytes | field |
 * |---|---|
 * | 1 | version (1) |
 * | 1 | features: 1 numbers, 2 text, 3 onnx |
 * | 2 | width |
 * | 1 | exponent of the divisor |
 * | 32 | hash of the encoder; text only |
 * | 1, 2, 1 | input: 1 numbers, 2 words; inputWidth; inputExponent; onnx only, as the next two |
 * | 32, 32, 32 | id of the contribution, root of its artifact, SHA-256 of the graph's file |
 * | 4, 8, 2 | bytes of the file, steps of one run, parts |
 * | 2 | number of classes |
 * | 1 + n each | label: its length, its UTF-8 |
 * | 1 | training: 1 newton, 2 sgd, 3 adapter |
 * | 8 | l2Micro |
 * | 4, 4, 2, 4 | learningRateMicro, initialScaleMicro, epochs, batchSize; not of newton |
 * | 1 + n | seed: its length, its bytes; not of newton |
 * | 2, 4 | rank, scaleMicro; adapter only |
 * | 1 | solver: 1 newton, 2 datainf, 4 ekfac |
 * | 1 | clipPercent |
 * | 2 | projectedWidth |
 */
const VERSION = 1;
const SOURCES = { numbers: 1, text: 2, onnx: 3 } as const;
const INPUTS = { numbers: 1, words: 2 } as const;
const METHODS = { newton: 1, sgd: 2, 'adapter-sgd': 3 } as const;
const SOLVERS = { newton: 1, datainf: 2, ekfac: 4 } as const;

/** Bytes of the largest spec: of a longer input nothing needs to be read. */
export const MAX_SPEC_BYTES = 119 + 2 + MAX_CLASSES * (1 + MAX_LABEL_BYTES) + 9 + 14 + 65 + 6 + 4;

/** Canonical bytes of a spec. @throws AttributionError 'InvalidTrainingSpec' for one that breaks the rules. */
export function encodeTrainingSpec(spec: TrainingSpec): Uint8Array {
  checkSpec(spec);
  const { features, classes, training, metric } = spec;
  const writer = new ByteWriter().uint(VERSION, 1);
  writeFeatures(writer, features);
  writer.uint(classes.length, 2);
  for (const label of classes) sized(writer, new TextEncoder().encode(label));
  writer.uint(METHODS[training.method], 1).uint(training.l2Micro, 8);
  if (training.method !== 'newton') {
    writer
      .uint(training.learningRateMicro, 4)
      .uint(training.initialScaleMicro, 4)
      .uint(training.epochs, 2)
      .uint(training.batchSize, 4);
    sized(writer, training.seed);
  }
  if (training.method === 'adapter-sgd') writer.uint(training.rank, 2).uint(training.scaleMicro, 4);
  return writer
    .uint(SOLVERS[metric.solver], 1)
    .uint(metric.clipPercent, 1)
    .uint(metric.projectedWidth, 2)
    .done();
}

function writeFeatures(writer: ByteWriter, features: FeatureSource): void {
  writer.uint(SOURCES[features.kind], 1).uint(features.width, 2).uint(features.divisorExponent, 1);
  if (features.kind === 'text') writer.bytes(fromHex(features.encoderHash, 32), 32);
  if (features.kind !== 'onnx') return;
  writer
    .uint(INPUTS[features.input], 1)
    .uint(features.inputWidth, 2)
    .uint(features.inputExponent, 1)
    .bytes(fromHex(features.contributionId, 32), 32)
    .bytes(fromHex(features.artifactRoot, 32), 32)
    .bytes(fromHex(features.modelHash, 32), 32)
    .uint(features.modelBytes, 4)
    .uint(features.steps, 8)
    .uint(features.parts, 2);
}

/** The spec in canonical bytes. @throws AttributionError 'InvalidTrainingSpec' for any others. */
export function decodeTrainingSpec(bytes: Uint8Array): TrainingSpec {
  if (bytes.length > MAX_SPEC_BYTES) throw invalidSpec('it is too long');
  const reader = new ByteReader(bytes, invalidSpec);
  if (reader.uint(1) !== VERSION) throw invalidSpec('its version is unknown');
  const spec: TrainingSpec = {
    features: readFeatures(reader),
    classes: Array.from({ length: reader.uint(2) }, () => labelOf(reader.bytes(reader.uint(1)))),
    training: readTraining(reader),
    metric: readMetric(reader),
  };
  reader.end();
  checkSpec(spec);
  return spec;
}

/** keccak-256 of the canonical bytes, 0x and 64 hex digits. @throws as `encodeTrainingSpec` */
export function trainingSpecHash(spec: TrainingSpec): string {
  return toHex(keccak_256(encodeTrainingSpec(spec)));
}

export function trainedKindOf(spec: TrainingSpec): TrainedKind {
  return spec.training.method === 'adapter-sgd' ? 'adapter' : 'base';
}

/** Whether an adapter's spec has the features and the classes of its parent's, and the parent's is that of a base. */
export function fitsParent(adapter: TrainingSpec, parent: TrainingSpec): boolean {
  const shared = ({ features, classes }: TrainingSpec) => {
    const writer = new ByteWriter();
    writeFeatures(writer, features);
    return [toHex(writer.done()), ...classes].join('\n');
  };
  return trainedKindOf(parent) === 'base' && shared(adapter) === shared(parent);
}

function sized(writer: ByteWriter, bytes: Uint8Array): void {
  writer.uint(bytes.length, 1).bytes(bytes, bytes.length);
}

function readFeatures(reader: ByteReader): FeatureSource {
  const kind = nameOf(SOURCES, reader.uint(1), 'source of features');
  const shared = { width: reader.uint(2), divisorExponent: reader.uint(1) };
  switch (kind) {
    case 'numbers':
      return { kind, ...shared };
    case 'text':
      return { kind, ...shared, encoderHash: toHex(reader.bytes(32)) };
    case 'onnx':
      return {
        kind,
        ...shared,
        input: nameOf(INPUTS, reader.uint(1), 'input'),
        inputWidth: reader.uint(2),
        inputExponent: reader.uint(1),
        contributionId: toHex(reader.bytes(32)),
        artifactRoot: toHex(reader.bytes(32)),
        modelHash: toHex(reader.bytes(32)),
        modelBytes: reader.uint(4),
        steps: reader.uint(8),
        parts: reader.uint(2),
      };
  }
}

function labelOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalidSpec('a label is not UTF-8');
  }
}

function readTraining(reader: ByteReader): NewtonTraining | SgdTraining | AdapterTraining {
  const method = nameOf(METHODS, reader.uint(1), 'training');
  const l2Micro = reader.uint(8);
  if (method === 'newton') return { method, l2Micro };
  const descent = {
    l2Micro,
    learningRateMicro: reader.uint(4),
    initialScaleMicro: reader.uint(4),
    epochs: reader.uint(2),
    batchSize: reader.uint(4),
    seed: reader.bytes(reader.uint(1)).slice(),
  };
  if (method === 'sgd') return { method, ...descent };
  return { method, ...descent, rank: reader.uint(2), scaleMicro: reader.uint(4), trainsHead: 0 };
}

function readMetric(reader: ByteReader): MetricSpec {
  return {
    solver: nameOf(SOLVERS, reader.uint(1), 'solver'),
    clipPercent: reader.uint(1),
    projectedWidth: reader.uint(2),
  };
}

function nameOf<T extends string>(numbers: Record<T, number>, number: number, what: string): T {
  const found = (Object.keys(numbers) as T[]).find((name) => numbers[name] === number);
  if (found === undefined) throw invalidSpec(`its ${what} is ${number}, which is unknown`);
  return found;
}
