/** What the floors above use of retrieval attribution. The definitions are docs/retrieval.md. */
export { attributeHits, attributeRetrieval } from './attribute.ts';
export { encodeText } from './encoder/encode.ts';
export type { TextFeatures } from './encoder/features.ts';
export { textFeatures } from './encoder/features.ts';
export { encoderBytes, encoderHash, readEncoder } from './encoder/file.ts';
export { MAX_FEATURES } from './encoder/limits.ts';
export type { TextEncoding } from './encoder/text-encoder.ts';
export { createTextEncoding } from './encoder/text-encoder.ts';
export type { Encoder, EncoderShape } from './encoder/types.ts';
export { representatives } from './representatives.ts';
export type { RecordedCitation, RetrievalAttributionRecord } from './retrieval-record.ts';
export {
  decodeRetrievalRecord,
  encodeRetrievalRecord,
  retrievalRecord,
  retrievalRecordHash,
} from './retrieval-record.ts';
export { searchShard } from './search.ts';
export type { Shard } from './shard.ts';
export { createShard, plainScores } from './shard.ts';
export { trainEncoder } from './trainer/train-encoder.ts';
export type { EncoderTraining } from './trainer/types.ts';
export type {
  Citation,
  Hit,
  RetrievalAttribution,
  RetrievalParams,
  RetrievalRecord,
  RetrievalRules,
} from './types.ts';
export { DEFAULT_RETRIEVAL_PARAMS } from './types.ts';
