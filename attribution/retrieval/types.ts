import type { ClusterMember } from '../clusters/api.ts';
import type { ContributorAddress, CorpusRecord } from '../corpus/corpus.ts';
import type { Credit } from '../token/types.ts';

/**
 * A record of a pinned snapshot as retrieval sees it.
 * `founder`: order key of the record that founded its cluster of near duplicates, its own if it founded one. A founder
 * may have the higher key: clusters grow in the order of approval.
 * `vector`: what the registered encoder makes of its bytes.
 */
export interface RetrievalRecord extends Omit<CorpusRecord, 'bytes'>, ClusterMember {
  readonly vector: Int8Array;
}

/** A record above the threshold and its exact score, the dot product of its vector and the query's. */
export interface Hit {
  readonly record: RetrievalRecord;
  readonly score: number;
}

/** Genesis parameters of retrieval attribution, version 1. */
export interface RetrievalParams {
  readonly version: 1;
  /** Most records that one answer cites. */
  readonly maxCitations: number;
  /** A record counts by what its score exceeds of this part of the query's product with itself, in thousandths. */
  readonly thresholdPermille: number;
  /** Largest share of the data pool that one record can earn, in thousandths. */
  readonly recordCapPermille: number;
  /** Largest share of the data pool that one contributor can earn, in thousandths. */
  readonly contributorCapPermille: number;
  /** Largest share of the data pool that all contributors together can earn, in thousandths. */
  readonly coverageCapPermille: number;
}

/** The defaults; docs/retrieval.md gives their reasons. */
export const DEFAULT_RETRIEVAL_PARAMS: RetrievalParams = {
  version: 1,
  maxCitations: 16,
  thresholdPermille: 250,
  recordCapPermille: 100,
  contributorCapPermille: 500,
  coverageCapPermille: 600,
};

/** Who may not earn; the same sets as token attribution takes. */
export interface RetrievalRules {
  readonly params: RetrievalParams;
  /** DataNets whose records are common property: they are cited, and paid to nobody. */
  readonly commons: ReadonlySet<number>;
  /** Contributors who may earn nothing from this answer (they share an owner, beneficiary or delegate with the model). */
  readonly ineligible: ReadonlySet<ContributorAddress>;
}

/** A record that the answer used. The first of a list has rank 1. */
export interface Citation extends Hit {
  /** 1000·score − threshold·(q·q): what the score exceeds the threshold by. Positive. */
  readonly weight: number;
}

export interface RetrievalAttribution {
  readonly version: 1;
  /** By falling score, then rising order key. */
  readonly citations: readonly Citation[];
  /** Sum of the weights of all citations. */
  readonly totalWeight: number;
  /** Sum of `credits`, in parts of 10⁹ of the data pool. */
  readonly coverage: number;
  /** What nobody earns: 10⁹ - coverage. */
  readonly uncovered: number;
  /** By falling credit, then address. Empty if nothing is cited. */
  readonly credits: readonly Credit[];
}
