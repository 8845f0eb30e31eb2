/** A record as clusters see it. */
export interface ClusterRecord {
  /** Unique over the chain; the earlier commit has the lower key (`packOrderKey`). */
  readonly orderKey: number;
  /** UTF-8. */
  readonly text: Uint8Array;
}

/** Where a record went. `founder` is the order key of its cluster's founder: the cluster's id. */
export type Placement =
  /** It is like no founder before it and founded a cluster of its own. */
  | { readonly kind: 'founded'; readonly founder: number }
  /** It is a near duplicate of the founder. */
  | { readonly kind: 'joined'; readonly founder: number }
  /** It shares bands with more founders than may be compared: it is not accepted, and no cluster has it. */
  | { readonly kind: 'crowded' };

/**
 * Star clusters of near duplicates (docs/clusters.md). Records are added in the order of their approval; a record stays
 * where it went, and clusters never merge.
 */
export interface ClusterBook {
  /** Clusters so far. */
  readonly clusters: number;
  /** Different shingles of all founders: eight bytes each. */
  readonly shingles: number;
  /**
   * Adds a record. Cost: linear in its text, and at most MAX_CANDIDATES comparisons of its size.
   * @throws InvalidUtf8; AttributionError 'TooManyTokens', 'CorpusTooLarge' above MAX_FOUNDERS or MAX_BOOK_SHINGLES,
   *   'DuplicateOrderKey' for a founder added again, 'InvalidParameter' for a key that is not one. Then nothing changed.
   */
  add(record: ClusterRecord): Placement;
  /** Enters a record that is known to have founded a cluster, without comparing it: to fill a book after a restart.
   * Founders may come in any order. @throws as `add`. */
  restoreFounder(record: ClusterRecord): void;
}
