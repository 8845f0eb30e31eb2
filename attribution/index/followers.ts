import { deadBefore, type IndexPart, liveCount, rankAt } from './phrase-cursor.ts';
import type { Followers, PhraseMark } from './types.ts';

/** The suffixes of one segment that a token follows after the phrase. */
interface Range {
  readonly part: IndexPart;
  readonly low: number;
  readonly high: number;
  readonly live: number;
}

/** The tokens that follow a phrase; in suffix order over all segments, records that do not count left out. */
export function followersOf(parts: readonly IndexPart[], mark: PhraseMark): Followers {
  const depth = mark[0]!;
  const ranges: Range[] = [];
  parts.forEach((part, i) => {
    const high = mark[2 * i + 2]!;
    if (mark[2 * i + 1]! >= high) return;
    const low = part.segment.firstFollowed(depth, mark[2 * i + 1]!, high);
    const live = liveCount(part, low, high);
    if (low < high) ranges.push({ part, low, high, live });
  });
  return {
    count: ranges.reduce((sum, { live }) => sum + live, 0),
    get inSeveralRecords() {
      return standInSeveralRecords(ranges);
    },
    position(i) {
      const { part, suffix } = selectSuffix(ranges, depth, i);
      return part.firstPosition + part.segment.suffix(suffix) + depth;
    },
  };
}

/** Positions of a segment rise with its records: all of a range are in one exactly if none lies beyond its end. */
function standInSeveralRecords(ranges: readonly Range[]): boolean {
  let rank = -1;
  for (const { part, low, high } of ranges) {
    const { segment } = part;
    const lowest = segment.lowestPosition(low, high);
    const first = rankAt(part, lowest);
    if (rank >= 0 && first !== rank) return true;
    rank = first;
    const end = segment.views.recordStarts[segment.recordOf(lowest) + 1]!;
    for (let suffix = low; suffix < high; suffix++) if (segment.suffix(suffix) >= end) return true;
  }
  return false;
}

/** Number `index` of all live suffixes of the ranges in suffix order. */
function selectSuffix(
  ranges: readonly Range[],
  depth: number,
  index: number,
): { part: IndexPart; suffix: number } {
  // Of each range the live suffixes [low, high) may still be the one; a pivot of the largest halves them.
  const lows = new Float64Array(ranges.length);
  const highs = Float64Array.from(ranges, ({ live }) => live);
  const borders = new Float64Array(ranges.length);
  for (;;) {
    let widest = 0;
    for (let r = 1; r < ranges.length; r++)
      if (highs[r]! - lows[r]! > highs[widest]! - lows[widest]!) widest = r;
    const pivot = Math.floor((lows[widest]! + highs[widest]!) / 2);
    const suffix = liveSuffix(ranges[widest]!, pivot);
    let before = pivot;
    for (let r = 0; r < ranges.length; r++) {
      if (r === widest) continue;
      borders[r] = countBelow(ranges[r]!, lows[r]!, highs[r]!, ranges[widest]!.part, suffix, depth);
      before += borders[r]!;
    }
    if (before === index) return { part: ranges[widest]!.part, suffix };
    for (let r = 0; r < ranges.length; r++) {
      if (before < index) lows[r] = r === widest ? pivot + 1 : borders[r]!;
      else highs[r] = r === widest ? pivot : borders[r]!;
    }
  }
}

/** Suffix number of live suffix `index` of a range. */
function liveSuffix({ part, low }: Range, index: number): number {
  const { deadSuffixes } = part;
  const first = deadBefore(part, low);
  // The dead suffix number first + d lies before it exactly if at most `index` live ones lie before that.
  let from = 0;
  let to = deadSuffixes.length - first;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (deadSuffixes[first + middle]! - low - middle <= index) from = middle + 1;
    else to = middle;
  }
  return low + index + from;
}

/** How many live suffixes of a range, of which those in [low, high) are not decided, stand before another's suffix. */
function countBelow(
  range: Range,
  low: number,
  high: number,
  other: IndexPart,
  suffix: number,
  depth: number,
): number {
  const position = other.segment.suffix(suffix) + depth;
  let from = low;
  let to = high;
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    const own = range.part.segment.suffix(liveSuffix(range, middle)) + depth;
    if (compareSuffixes(range.part, own, other, position) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Order of two suffixes of different segments: by their types, an end first, of two ends that of the earlier record. */
function compareSuffixes(a: IndexPart, atA: number, b: IndexPart, atB: number): number {
  for (let i = 0; ; i++) {
    const left = a.segment.symbol(atA + i);
    const right = b.segment.symbol(atB + i);
    if (left === 0 && right === 0) return rankAt(a, atA + i) - rankAt(b, atB + i);
    if (left === 0 || right === 0) return left - right;
    const difference = jointType(a, left) - jointType(b, right);
    if (difference !== 0) return difference;
  }
}

function jointType({ joint }: IndexPart, symbol: number): number {
  return joint === undefined ? symbol - 1 : joint[symbol - 1]!;
}
