/** What the floors above use of retrieval attribution. The definitions are docs/retrieval.md. */
export { attributeHits, attributeRetrieval } from './attribute.ts';
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
export type {
  Citation,
  Hit,
  RetrievalAttribution,
  RetrievalParams,
  RetrievalRecord,
  RetrievalRules,
} from './types.ts';
export { DEFAULT_RETRIEVAL_PARAMS } from './types.ts';
