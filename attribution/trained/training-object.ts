import { ByteWriter, fromHex, toHex } from '../credit/bytes.ts';
import { AttributionError } from '../errors.ts';
import { MAX_DIMENSIONS, MAX_LAYERS } from '../influence/limits.ts';
import { ByteReader } from './byte-reader.ts';
import { MAX_RECORDS, MAX_SAMPLES, MIN_SAMPLES } from './limits.ts';
import type { TrainingFailure, TrainingObject } from './types.ts';

/**
 * What came of a registration, all integers big-endian:
 *
 * | bytes | field |
 * |---|---|
 * | 1 | version (1) |
 * | 1 | outcome: 1 trained, 2 failed |
 * | 32, 32 | hash of the model, hash of the metric; of a trained one, as the rest |
 * | 4, 4 | samples, records passed over |
 * | 4, 2 | dimensions, layers |
 * | 1 | failure; of a failed one |
 */
const VERSION = 1;
const TRAINED = 1;
const FAILED = 2;
const FAILURES: Record<TrainingFailure, number> = {
  TooFewSamples: 1,
  ClassWithoutSamples: 2,
  ProblemTooLarge: 3,
  NotConverged: 4,
  HashMismatch: 5,
  UnknownEncoder: 6,
  ParentMismatch: 7,
  Refused: 8,
  GraphRefused: 9,
};

/** Canonical bytes. @throws AttributionError 'InvalidTrainingObject' for one that breaks the rules. */
export function encodeTrainingObject(object: TrainingObject): Uint8Array {
  checkObject(object);
  const writer = new ByteWriter().uint(VERSION, 1);
  if (object.outcome === 'failed') return writer.uint(FAILED, 1).uint(FAILURES[object.failure], 1).done();
  return writer
    .uint(TRAINED, 1)
    .bytes(fromHex(object.modelHash, 32), 32)
    .bytes(fromHex(object.metricHash, 32), 32)
    .uint(object.samples, 4)
    .uint(object.passedOver, 4)
    .uint(object.dimensions, 4)
    .uint(object.layers, 2)
    .done();
}

/** The object in canonical bytes. @throws AttributionError 'InvalidTrainingObject' for any others. */
export function decodeTrainingObject(bytes: Uint8Array): TrainingObject {
  const reader = new ByteReader(bytes, invalid);
  if (reader.uint(1) !== VERSION) throw invalid('its version is unknown');
  const object = readOutcome(reader);
  reader.end();
  checkObject(object);
  return object;
}

function readOutcome(reader: ByteReader): TrainingObject {
  const outcome = reader.uint(1);
  if (outcome === FAILED) {
    const number = reader.uint(1);
    const failure = (Object.keys(FAILURES) as TrainingFailure[]).find((name) => FAILURES[name] === number);
    if (failure === undefined) throw invalid(`failure ${number} is unknown`);
    return { outcome: 'failed', failure };
  }
  if (outcome !== TRAINED) throw invalid(`outcome ${outcome} is unknown`);
  return {
    outcome: 'trained',
    modelHash: toHex(reader.bytes(32)),
    metricHash: toHex(reader.bytes(32)),
    samples: reader.uint(4),
    passedOver: reader.uint(4),
    dimensions: reader.uint(4),
    layers: reader.uint(2),
  };
}

function checkObject(object: TrainingObject): void {
  if (object.outcome === 'failed') {
    if (!Object.hasOwn(FAILURES, object.failure)) throw invalid(`failure ${object.failure} is unknown`);
    return;
  }
  const { samples, passedOver, dimensions, layers } = object;
  if (!within(samples, MIN_SAMPLES, MAX_SAMPLES) || !within(passedOver, 0, MAX_RECORDS - samples))
    throw invalid('its numbers of samples and of records are out of range');
  if (!within(dimensions, 1, MAX_DIMENSIONS) || !within(layers, 1, Math.min(dimensions, MAX_LAYERS)))
    throw invalid('its dimensions or its layers are out of range');
}

function within(value: number, low: number, high: number): boolean {
  return Number.isSafeInteger(value) && value >= low && value <= high;
}

function invalid(reason: string): AttributionError {
  return new AttributionError('InvalidTrainingObject', `This is no training object: ${reason}.`);
}
