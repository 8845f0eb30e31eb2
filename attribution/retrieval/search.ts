import { AttributionError } from '../errors.ts';
import { PERMILLE } from './limits.ts';
import { dotInt8, type Shard } from './shard.ts';
import type { Citation, Hit, RetrievalParams } from './types.ts';

/**
 * The best records of a shard: at most `maxCitations` whose weight is positive, by falling score, then rising order
 * key. Linear in the records; the list that is kept stays sorted, and most records fall short of its last.
 * @throws AttributionError 'ShapeMismatch' for a query of another length.
 */
export function searchShard(shard: Shard, query: Int8Array, params: RetrievalParams): Hit[] {
  const scores = shard.scores(query);
  const least = leastScore(query, params.thresholdPermille);
  const best: Hit[] = [];
  let bar = least;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (score < bar) continue;
    const hit = { record: shard.records[i]!, score };
    let at = best.length;
    while (at > 0 && before(hit, best[at - 1]!)) at--;
    if (at === params.maxCitations) continue;
    best.splice(at, 0, hit);
    if (best.length > params.maxCitations) best.pop();
    if (best.length === params.maxCitations) bar = Math.max(least, best.at(-1)!.score);
  }
  return best;
}

/**
 * The citations of a query from the best records of all shards. The order of shards, and how records were cut into
 * them, change nothing.
 * @throws AttributionError 'DuplicateOrderKey' if a record is in two shards.
 */
export function cite(
  hits: readonly (readonly Hit[])[],
  query: Int8Array,
  params: RetrievalParams,
): Citation[] {
  const all = hits.flat().sort((a, b) => (before(a, b) ? -1 : 1));
  const keys = new Set(all.map(({ record }) => record.orderKey));
  if (keys.size !== all.length)
    throw new AttributionError('DuplicateOrderKey', 'A record is in two shards of one search.');
  const base = params.thresholdPermille * dotInt8(query, query);
  return all
    .slice(0, params.maxCitations)
    .map(({ record, score }) => ({ record, score, weight: PERMILLE * score - base }));
}

/** The smallest score whose weight 1000·score − threshold·(q·q) is positive. */
function leastScore(query: Int8Array, thresholdPermille: number): number {
  return Math.floor((thresholdPermille * dotInt8(query, query)) / PERMILLE) + 1;
}

function before(a: Hit, b: Hit): boolean {
  return a.score > b.score || (a.score === b.score && a.record.orderKey < b.record.orderKey);
}
