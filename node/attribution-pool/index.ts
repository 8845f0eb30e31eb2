/** Attribution in worker threads; see pool.ts. */
export type { AttributionPoolOptions } from './pool.ts';
export { createAttributionPool } from './pool.ts';
export type {
  AttributionJob,
  AttributionPool,
  AttributionPoolErrorCode,
  AttributionResult,
  ContinuationJob,
  IndexPurpose,
  LeafSource,
  PinnedContribution,
  RecordSource,
  RetrievalJob,
  RetrievalResult,
  SnapshotInfo,
  SpansJob,
} from './types.ts';
export { AttributionPoolError } from './types.ts';
