import { AttributionError } from '../errors.ts';
import { checkRange } from '../influence/check.ts';
import { WHOLE } from '../token/types.ts';
import { citationCredits } from './credits.ts';
import { MAX_CITATIONS, PERMILLE } from './limits.ts';
import { cite, searchShard } from './search.ts';
import type { Shard } from './shard.ts';
import type { Hit, RetrievalAttribution, RetrievalParams, RetrievalRules } from './types.ts';

/**
 * Retrieval attribution, version 1 (docs/retrieval.md): which records a query finds, and what each contributor earns.
 * @param shards the representatives of all pinned snapshots, cut in any way.
 * @throws AttributionError 'InvalidParameter', 'ShapeMismatch', 'DuplicateOrderKey'.
 */
export function attributeRetrieval(
  shards: readonly Shard[],
  query: Int8Array,
  rules: RetrievalRules,
): RetrievalAttribution {
  checkParams(rules.params);
  return attributeHits(
    shards.map((shard) => searchShard(shard, query, rules.params)),
    query,
    rules,
  );
}

/** The same from hits that `searchShard` found elsewhere, one list a shard. Errors as `attributeRetrieval`. */
export function attributeHits(
  hits: readonly (readonly Hit[])[],
  query: Int8Array,
  rules: RetrievalRules,
): RetrievalAttribution {
  checkParams(rules.params);
  const citations = cite(hits, query, rules.params);
  const { totalWeight, credits, uncovered } = citationCredits(citations, rules);
  return { version: 1, citations, totalWeight, coverage: WHOLE - uncovered, uncovered, credits };
}

/** @throws AttributionError 'InvalidParameter'. */
export function checkParams(params: RetrievalParams): void {
  if (params.version !== 1)
    throw new AttributionError(
      'InvalidParameter',
      `Version ${params.version} of retrieval is unknown. Use 1.`,
    );
  checkRange('number of citations', params.maxCitations, 1, MAX_CITATIONS);
  checkRange('threshold in thousandths', params.thresholdPermille, 0, PERMILLE);
  checkRange('cap of a record in thousandths', params.recordCapPermille, 1, PERMILLE);
  checkRange('cap of a contributor in thousandths', params.contributorCapPermille, 1, PERMILLE);
  checkRange('cap of all contributors in thousandths', params.coverageCapPermille, 1, PERMILLE);
}
