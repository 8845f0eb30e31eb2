import { type IndexPart, liveCount } from './phrase-cursor.ts';
import type { JoinedRecords } from './segment-records.ts';

/** How often tokens occur in the oldest records. */
export interface TokenCounts {
  readonly tokens: number;
  /** Different ones among them. */
  readonly types: number;
  /** By joint number of the token. */
  readonly counts: Uint32Array;
}

/**
 * Tokens that the oldest records have at least: the largest power of two that is not above the tokens of all. So they
 * are more than half of all tokens, and later records change nothing until all have doubled.
 */
export function oldestTokens(totalTokens: number): number {
  if (totalTokens === 0) return 0;
  let tokens = 1;
  while (tokens * 2 <= totalTokens) tokens *= 2;
  return tokens;
}

/**
 * Counts over the oldest records, as few of them, in order-key order, as have `oldestTokens(totalTokens)` tokens. Of each
 * segment the smaller side of the border is read.
 */
export function countOldest(
  parts: readonly IndexPart[],
  joined: JoinedRecords,
  totalTokens: number,
  types: number,
): TokenCounts {
  const border = borderOf(parts, joined, oldestTokens(totalTokens));
  const counts = new Uint32Array(types);
  parts.forEach((part, p) => {
    const { segment, joint } = part;
    const isDead = new Uint8Array(segment.records);
    for (const record of joined.dead[p]!) isDead[record] = 1;
    const ranks = joined.ranks[p]!;
    const { recordStarts } = segment.views;
    // Ranks of records that count rise with their numbers.
    let inside = segment.records;
    while (inside > 0 && (isDead[inside - 1] === 1 || ranks[inside - 1]! >= border)) inside--;
    const add = (from: number, to: number, change: number): void => {
      for (let record = from; record < to; record++) {
        if (isDead[record] === 1) continue;
        const end = recordStarts[record + 1]! - 1;
        for (let position = recordStarts[record]!; position < end; position++) {
          const type = segment.symbol(position) - 1;
          counts[joint === undefined ? type : joint[type]!]! += change;
        }
      }
    };
    if (recordStarts[inside]! * 2 <= segment.symbols) {
      add(0, inside, 1);
      return;
    }
    for (let type = 0; type < segment.types; type++)
      counts[joint === undefined ? type : joint[type]!]! += liveCount(
        part,
        segment.bucketStart(type),
        segment.bucketStart(type + 1),
      );
    add(inside, segment.records, -1);
  });
  return {
    tokens: counts.reduce((sum, count) => sum + count, 0),
    types: counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0),
    counts,
  };
}

/** The rank behind the oldest records that have so many tokens. */
function borderOf(parts: readonly IndexPart[], joined: JoinedRecords, wanted: number): number {
  let tokens = 0;
  let rank = 0;
  for (; tokens < wanted; rank++) {
    const { recordStarts } = parts[joined.segmentOf[rank]!]!.segment.views;
    const record = joined.recordOf[rank]!;
    tokens += recordStarts[record + 1]! - recordStarts[record]! - 1;
  }
  return rank;
}
