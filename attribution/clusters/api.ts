/** What others use of clusters of near duplicates. The rule is docs/clusters.md. */
export { createClusterBook } from './book.ts';
export type { Novelty, NoveltyInput, OfferedRecord } from './novelty.ts';
export { measureNovelty } from './novelty.ts';
export type { ClusterMember } from './representatives.ts';
export { clusterRepresentatives } from './representatives.ts';
export type { ClusterBook, ClusterRecord, Placement } from './types.ts';
