/** What others use of clusters of near duplicates. The rule is docs/clusters.md. */
export { createClusterBook } from './book.ts';
export { createQuotableRuns, type QuotableRuns, runsOf, type TextRuns } from './quotations.ts';
export type { ClusterMember } from './representatives.ts';
export { clusterRepresentatives } from './representatives.ts';
export type { ClusterBook, ClusterRecord, Placement } from './types.ts';
