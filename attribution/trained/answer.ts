import { keccak_256 } from '@noble/hashes/sha3.js';
import { toHex } from '../credit/bytes.ts';
import { AttributionError } from '../errors.ts';
import { answerScores, type InfluenceScores, modelLogits, modelScores } from '../influence/api.ts';
import { WHOLE } from '../token/types.ts';
import { type AnswerRules, answerCredits } from './credits.ts';
import { type FeatureMakers, featureReader } from './features.ts';
import { encodeInfluenceRecord, type InfluenceRecord } from './influence-record.ts';
import type { Trained, TrainingSpec } from './types.ts';

export interface AnswerInput extends AnswerRules, FeatureMakers {
  readonly spec: TrainingSpec;
  readonly prompt: Uint8Array;
  /** Hash of the request record, 0x and 64 hex digits. */
  readonly requestHash: string;
}

export interface Answer {
  /** The label of the largest logit. */
  readonly output: Uint8Array;
  readonly record: InfluenceRecord;
  /** Canonical bytes of the record, and their keccak-256. */
  readonly recordBytes: Uint8Array;
  readonly recordHash: string;
}

/**
 * What a trained model answers, and whose records the answer rests on.
 * @throws AttributionError 'InvalidParameter' for a prompt that `isSample` does not take, or another encoder.
 */
export function answerAndAttribute(trained: Trained, input: AnswerInput): Answer {
  const { spec, prompt, requestHash } = input;
  const { modelHash, metricHash } = trained;
  const features = promptFeatures(spec, prompt, input);
  const label = largest(modelLogits(trained.model, features));
  const output = new TextEncoder().encode(spec.classes[label]!);
  const scores = scoresOf(trained, features, label, spec);
  const { credits, uncovered } = answerCredits(scores.values, trained.payees, input);
  const record: InfluenceRecord = {
    version: 1,
    requestHash,
    outputHash: toHex(keccak_256(output)),
    modelHash,
    metricHash,
    coverage: WHOLE - uncovered,
    uncovered,
    credits,
  };
  const recordBytes = encodeInfluenceRecord(record);
  return { output, record, recordBytes, recordHash: toHex(keccak_256(recordBytes)) };
}

function promptFeatures({ features }: TrainingSpec, prompt: Uint8Array, makers: FeatureMakers): Float64Array {
  if (features.kind === 'text' && makers.encoder?.hash !== features.encoderHash)
    throw new AttributionError(
      'InvalidParameter',
      `The model reads texts by encoder ${features.encoderHash}.`,
    );
  const read = featureReader(features, makers)(prompt);
  if (read === undefined)
    throw new AttributionError('InvalidParameter', 'The prompt is not what the model takes.');
  return read;
}

/** Place of the largest; ties to the earlier. */
function largest(logits: Float64Array): number {
  let best = 0;
  for (let c = 1; c < logits.length; c++) if (logits[c]! > logits[best]!) best = c;
  return best;
}

/** The influence of every sample on the answer. */
function scoresOf(
  { model, metric }: Trained,
  features: Float64Array,
  label: number,
  { classes }: TrainingSpec,
): InfluenceScores {
  const answer = {
    features,
    labels: Int32Array.of(label),
    width: features.length,
    classes: classes.length,
  };
  if (metric.kind === 'descent') return modelScores(metric.metric, model, answer)[0]!;
  if (model.kind === 'adapter') throw new Error('an adapter is not at an optimum');
  return answerScores(metric.metric, model.head, answer);
}
