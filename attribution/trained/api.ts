/** What the floors above use of models that the chain trains. The definitions are docs/trained-models.md. */
export type { Answer, AnswerInput } from './answer.ts';
export { answerAndAttribute } from './answer.ts';
export type { AnswerCost } from './check-spec.ts';
export { answerCostOf } from './check-spec.ts';
export type { AnswerRules } from './credits.ts';
export type { FeatureMakers } from './features.ts';
export { isSample } from './features.ts';
export type { GraphShape } from './graph.ts';
export {
  checkGraph,
  graphFeatures,
  graphFile,
  graphKey,
  graphShape,
  graphTensor,
  graphTexts,
} from './graph.ts';
export type { InfluenceRecord } from './influence-record.ts';
export { decodeInfluenceRecord, encodeInfluenceRecord, influenceRecordHash } from './influence-record.ts';
export { createSentenceEncoder } from './sentence-encoder.ts';
export {
  decodeTrainingSpec,
  encodeTrainingSpec,
  fitsParent,
  MAX_SPEC_BYTES,
  trainedKindOf,
  trainingSpecHash,
} from './spec-bytes.ts';
export type { Sha256 } from './stored.ts';
export { decodeTrained, encodeTrained } from './stored.ts';
export type { TrainingInput, TrainingResult } from './train.ts';
export { objectOf, trainRegistered } from './train.ts';
export { decodeTrainingObject, encodeTrainingObject } from './training-object.ts';
export type {
  FeatureSource,
  Graph,
  GraphFeatures,
  MetricSpec,
  Payee,
  Payees,
  SentenceEncoder,
  Trained,
  TrainedKind,
  TrainedMetric,
  TrainingFailure,
  TrainingObject,
  TrainingSpec,
} from './types.ts';
export { COUNTED_TOKENS, wordCounts } from './word-counts.ts';
export { trainingWork } from './work.ts';
