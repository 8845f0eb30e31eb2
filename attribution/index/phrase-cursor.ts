import type { RankedSet } from './ranked-set.ts';
import type { Segment } from './segment.ts';
import type { PhraseCursor, PhraseMark } from './types.ts';

/** A segment as a part of an index: where its positions begin there, and what its types and records are called there. */
export interface IndexPart {
  readonly segment: Segment;
  readonly firstPosition: number;
  /** Joint number of each type of the segment, rising. Undefined: the same numbers. */
  readonly joint: Uint32Array | undefined;
  /** The joint types that the segment has. Undefined: all. */
  readonly own: RankedSet | undefined;
  /** Rank of each record's text. Undefined: its number. */
  readonly ranks: Uint32Array | undefined;
  /** Suffixes of records that do not count, rising. */
  readonly deadSuffixes: Uint32Array;
}

/** Rank of the record that a position of the segment is in. */
export function rankAt({ segment, ranks }: IndexPart, position: number): number {
  const record = segment.recordOf(position);
  return ranks === undefined ? record : ranks[record]!;
}

/** How many suffixes before `suffix` belong to records that do not count. */
export function deadBefore({ deadSuffixes }: IndexPart, suffix: number): number {
  let low = 0;
  let high = deadSuffixes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (deadSuffixes[middle]! < suffix) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Suffixes of [low, high) that count. */
export function liveCount(part: IndexPart, low: number, high: number): number {
  if (part.deadSuffixes.length === 0 || low >= high) return high - low;
  return high - low - (deadBefore(part, high) - deadBefore(part, low));
}

/**
 * A range of suffixes in each segment: all that start with the phrase. A record that does not count has the same text
 * as one that does, of a lower key: so it never changes whether a phrase occurs nor where first, only counts.
 */
export class SegmentsCursor implements PhraseCursor {
  depth = 0;
  readonly #parts: readonly IndexPart[];
  readonly #hasDead: boolean;
  #lows: Int32Array;
  #highs: Int32Array;
  /** Where `extend` writes before it is known that the longer phrase occurs. */
  #nextLows: Int32Array;
  #nextHighs: Int32Array;
  /** By segment: the lowest position of its range; -1: not looked for. */
  readonly #lowest: Float64Array;
  readonly #lowestRanks: Float64Array;
  #earliest = -1;
  /** The part that it is in. */
  #earliestPart = 0;

  constructor(parts: readonly IndexPart[]) {
    this.#parts = parts;
    this.#hasDead = parts.some(({ deadSuffixes }) => deadSuffixes.length > 0);
    this.#lows = new Int32Array(parts.length);
    this.#highs = Int32Array.from(parts, ({ segment }) => segment.symbols);
    this.#nextLows = new Int32Array(parts.length);
    this.#nextHighs = new Int32Array(parts.length);
    this.#lowest = new Float64Array(parts.length).fill(-1);
    this.#lowestRanks = new Float64Array(parts.length);
  }

  get count(): number {
    let count = 0;
    for (let i = 0; i < this.#parts.length; i++) {
      const low = this.#lows[i]!;
      const high = this.#highs[i]!;
      count += this.#hasDead ? liveCount(this.#parts[i]!, low, high) : high - low;
    }
    return count;
  }

  reset(): void {
    this.depth = 0;
    this.#lows.fill(0);
    for (let i = 0; i < this.#parts.length; i++) this.#highs[i] = this.#parts[i]!.segment.symbols;
    this.#forgetEarliest();
  }

  mark(): PhraseMark {
    const mark = [this.depth];
    for (let i = 0; i < this.#lows.length; i++) mark.push(this.#lows[i]!, this.#highs[i]!);
    return mark;
  }

  rewind(mark: PhraseMark): void {
    this.depth = mark[0]!;
    for (let i = 0; i < this.#lows.length; i++) {
      this.#lows[i] = mark[2 * i + 1]!;
      this.#highs[i] = mark[2 * i + 2]!;
    }
    this.#forgetEarliest();
  }

  extend(token: number): boolean {
    if (token < 0) return false;
    const parts = this.#parts;
    let occurs = false;
    for (let i = 0; i < parts.length; i++) {
      const low = this.#lows[i]!;
      const high = this.#highs[i]!;
      this.#nextLows[i] = 0;
      this.#nextHighs[i] = 0;
      if (low >= high) continue;
      const { own, segment } = parts[i]!;
      const type = own === undefined ? token : own.placeOf(token);
      if (type < 0) continue;
      segment.narrow(this.depth, low, high, type + 1);
      if (segment.low >= segment.high) continue;
      this.#nextLows[i] = segment.low;
      this.#nextHighs[i] = segment.high;
      occurs = true;
    }
    if (!occurs) return false;
    for (let i = 0; i < parts.length; i++) this.#forgetLost(i, token);
    [this.#lows, this.#nextLows] = [this.#nextLows, this.#lows];
    [this.#highs, this.#nextHighs] = [this.#nextHighs, this.#highs];
    this.depth++;
    return true;
  }

  extendAll(tokens: Int32Array, from: number, to: number): number {
    if (this.depth === 0) return 0;
    let length = to - from;
    for (let i = 0; i < this.#parts.length && length > 0; i++)
      if (this.#lows[i]! < this.#highs[i]!) length = this.#sharedByAll(i, tokens, from, length);
    this.depth += length;
    return length;
  }

  /** How many of `tokens[from], …` all suffixes of part i go on with, at most `limit`: the first and the last one say. */
  #sharedByAll(i: number, tokens: Int32Array, from: number, limit: number): number {
    const { own, segment } = this.#parts[i]!;
    const first = segment.suffix(this.#lows[i]!) + this.depth;
    const last = segment.suffix(this.#highs[i]! - 1) + this.depth;
    let length = 0;
    while (length < limit) {
      const token = tokens[from + length]!;
      if (token < 0) break;
      const symbol = (own === undefined ? token : own.placeOf(token)) + 1;
      if (symbol === 0 || segment.symbol(first + length) !== symbol) break;
      if (first !== last && segment.symbol(last + length) !== symbol) break;
      length++;
    }
    return length;
  }

  earliest(): number {
    if (this.#earliest >= 0) return this.#earliest;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#parts.length; i++) {
      if (this.#lows[i]! >= this.#highs[i]!) continue;
      const part = this.#parts[i]!;
      if (this.#lowest[i]! < 0) {
        this.#lowest[i] = part.segment.lowestPosition(this.#lows[i]!, this.#highs[i]!);
        this.#lowestRanks[i] = rankAt(part, this.#lowest[i]!);
      }
      if (this.#lowestRanks[i]! >= bestRank) continue;
      bestRank = this.#lowestRanks[i]!;
      this.#earliestPart = i;
      this.#earliest = part.firstPosition + this.#lowest[i]!;
    }
    return this.#earliest;
  }

  /**
   * What was first in a part stays first as long as it goes on with this token, whatever else is lost. So the range
   * minimum is asked seldom.
   */
  #forgetLost(i: number, token: number): void {
    const lowest = this.#lowest[i]!;
    if (lowest < 0) return;
    const size = this.#nextHighs[i]! - this.#nextLows[i]!;
    if (size === this.#highs[i]! - this.#lows[i]!) return;
    const { own, segment } = this.#parts[i]!;
    const symbol = (own === undefined ? token : own.placeOf(token)) + 1;
    if (size > 0 && segment.symbol(lowest + this.depth) === symbol) return;
    this.#lowest[i] = -1;
    if (i === this.#earliestPart) this.#earliest = -1;
  }

  #forgetEarliest(): void {
    this.#lowest.fill(-1);
    this.#earliest = -1;
  }
}
