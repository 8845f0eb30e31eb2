import { AttributionError } from '../errors.ts';
import type { TokenIndex } from '../index/token-index.ts';
import { readIds } from '../token/text.ts';
import { MAX_NOVELTY_WINDOW, MAX_RECORD_TOKENS } from './limits.ts';
import type { ClusterBook, ClusterRecord, Placement } from './types.ts';

export interface OfferedRecord extends ClusterRecord {
  /** Whether a record with the same bytes and a lower order key was accepted before. */
  readonly isDuplicate: boolean;
}

export interface NoveltyInput {
  /** Gets the records that are no duplicates, in their order. */
  readonly book: ClusterBook;
  /** What was accepted before this contribution. */
  readonly earlier: TokenIndex;
  /** Tokens in a row that count as quoted if earlier data has them. */
  readonly window: number;
  readonly records: readonly OfferedRecord[];
}

/** How much of a contribution is new, for whoever approves it or reads of it. All are counts. */
export interface Novelty {
  readonly records: number;
  /** Records that founded a cluster. */
  readonly newRecords: number;
  readonly tokens: number;
  /** Tokens of the records that founded a cluster. */
  readonly newTokens: number;
  /** Those of `newTokens` that stand in no run of `window` tokens which earlier data has: what can earn. */
  readonly unquotedTokens: number;
  /** By record: where it went; a duplicate went nowhere. */
  readonly placements: readonly (Placement | { readonly kind: 'duplicate' })[];
}

/**
 * Places the records of a contribution in clusters and counts what is new in them (docs/clusters.md, "Novelty").
 * Linear in the text times `window`, besides what `ClusterBook.add` costs.
 * @throws as `ClusterBook.add`, and AttributionError 'InvalidParameter' for a window that is not from 1 to
 *   MAX_NOVELTY_WINDOW. Records before the one that is refused are in the book then.
 */
export function measureNovelty({ book, earlier, window, records }: NoveltyInput): Novelty {
  if (!Number.isInteger(window) || window < 1 || window > MAX_NOVELTY_WINDOW)
    throw new AttributionError(
      'InvalidParameter',
      `The window of novelty is ${window}; it must be an integer from 1 to ${MAX_NOVELTY_WINDOW}.`,
    );
  let [newRecords, tokens, newTokens, unquotedTokens] = [0, 0, 0, 0];
  const placements = records.map((record) => {
    const ids = readIds(earlier, record.text, MAX_RECORD_TOKENS);
    tokens += ids.length;
    if (record.isDuplicate) return { kind: 'duplicate' } as const;
    const placement = book.add(record);
    if (placement.kind === 'founded') {
      newRecords++;
      newTokens += ids.length;
      unquotedTokens += ids.length - countQuoted(earlier, ids, window);
    }
    return placement;
  });
  return { records: records.length, newRecords, tokens, newTokens, unquotedTokens, placements };
}

/** Tokens that stand in a run of `window` tokens which the index has. */
function countQuoted(index: TokenIndex, ids: Int32Array, window: number): number {
  const cursor = index.cursor();
  let quoted = 0;
  // End of the run of quoted tokens so far.
  let reached = 0;
  for (let start = 0; start + window <= ids.length; start++) {
    cursor.reset();
    let end = start;
    while (end < start + window && cursor.extend(ids[end]!)) end++;
    if (end < start + window) continue;
    quoted += end - Math.max(start, reached);
    reached = end;
  }
  return quoted;
}
