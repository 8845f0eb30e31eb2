import type { IndexPart } from './phrase-cursor.ts';
import type { PhraseTable } from './phrase-table.ts';
import { SAMPLED_DEPTHS } from './segment-layout.ts';
import type { FirstPlace, PhraseRows } from './types.ts';

/**
 * Phrases of one text over the segments of an index, segment by segment: what a segment no longer has costs nothing
 * more there, whatever the others have.
 */
export class SegmentRows implements PhraseRows {
  readonly #rows: readonly PartRows[];

  constructor(parts: readonly IndexPart[], tokens: Int32Array) {
    this.#rows = parts.map((part) => new PartRows(part, tokens));
  }

  prepare(length: number, ends: Int32Array): void {
    for (const rows of this.#rows) rows.prepare(length, ends);
  }

  occurs(start: number): boolean {
    return this.#rows.some((rows) => rows.occurs(start));
  }

  firstOf(start: number): FirstPlace {
    let first: FirstPlace = { position: -1, rank: Number.POSITIVE_INFINITY };
    for (const rows of this.#rows) {
      const place = rows.occurs(start) ? rows.firstOf(start) : first;
      if (place.rank < first.rank) first = place;
    }
    return first;
  }

  longest(start: number): number {
    let longest = start;
    for (const rows of this.#rows) longest = Math.max(longest, rows.longest(start));
    return longest;
  }

  write(start: number, from: number, end: number, table: PhraseTable): void {
    for (const rows of this.#rows) rows.write(start, from, end, table);
  }
}

/** The same over one segment. */
class PartRows {
  readonly #part: IndexPart;
  /** The segment's symbols of the text; 0: it does not have the token. */
  readonly #symbols: Int32Array;
  /** By start: where the longest phrase ends that the segment has, and a suffix that begins with it. */
  readonly #ends: Int32Array;
  readonly #anchors: Int32Array;
  #length = 0;
  /** The record that was looked up last, as number, first symbol and end. */
  #record = 0;
  #recordStart = 0;
  #recordEnd = 0;

  constructor(part: IndexPart, tokens: Int32Array) {
    const { own } = part;
    this.#part = part;
    this.#symbols = tokens.map((token) =>
      token < 0 ? 0 : (own === undefined ? token : own.placeOf(token)) + 1,
    );
    this.#ends = new Int32Array(tokens.length);
    this.#anchors = new Int32Array(tokens.length);
  }

  prepare(length: number, ends: Int32Array): void {
    this.#length = length;
    // What does not occur, to the right, ends the phrases that would contain it.
    let absentEnd = Number.POSITIVE_INFINITY;
    for (let start = this.#symbols.length - 1; start >= 0; start--) {
      if (this.#symbols[start] === 0) absentEnd = start + 1;
      const end = Math.min(ends[start]!, absentEnd - 1);
      if (end < start + length) continue;
      this.#search(start, end);
      if (this.#ends[start]! < end) absentEnd = this.#ends[start]! + 1;
    }
  }

  occurs(start: number): boolean {
    return this.#ends[start]! >= start + this.#length;
  }

  longest(start: number): number {
    return this.#ends[start]!;
  }

  firstOf(start: number): FirstPlace {
    const end = start + this.#length;
    const { segment, firstPosition } = this.#part;
    const lowest = segment.lowestPosition(this.#firstWith(start, end), this.#firstWithout(start, end));
    return { position: firstPosition + lowest, rank: this.#rankOf(lowest) };
  }

  write(start: number, from: number, end: number, table: PhraseTable): void {
    const last = Math.min(end, this.#ends[start]!);
    if (last < from) return;
    const { segment, firstPosition } = this.#part;
    const symbols = this.#symbols;
    let low = this.#firstWith(start, from);
    let high = this.#firstWithout(start, from);
    let lowest = segment.lowestPosition(low, high);
    let rank = this.#rankOf(lowest);
    table.offer(0, firstPosition + lowest, rank);
    for (let at = from; at < last; at++) {
      const depth = at - start;
      const symbol = symbols[at]!;
      // Of the suffixes that go on with the same symbol the first and the last are enough to see that all do.
      if (
        segment.symbol(segment.suffix(low) + depth) !== symbol ||
        segment.symbol(segment.suffix(high - 1) + depth) !== symbol
      ) {
        segment.narrow(depth, low, high, symbol);
        low = segment.low;
        high = segment.high;
        // What was first stays first as long as it goes on, whatever else is lost.
        if (segment.symbol(lowest + depth) !== symbol) {
          lowest = segment.lowestPosition(low, high);
          rank = this.#rankOf(lowest);
        }
      }
      table.offer(at + 1 - from, firstPosition + lowest, rank);
    }
  }

  /**
   * Finds the longest phrase from `start` up to `end`, all of whose tokens the segment has: by one search for the place
   * where tokens [start, end) would stand among its suffixes, since of the two neighbours there one shares most with
   * them. What two suffixes share with a phrase, all between them share (Manber and Myers).
   */
  #search(start: number, end: number): void {
    const { segment } = this.#part;
    const symbols = this.#symbols;
    const first = symbols[start]!;
    let low = segment.bucketStart(first - 1);
    let high = segment.bucketStart(first);
    // How far the suffix before `low`, and that at `high`, goes on as the text does.
    let atLow = start + 1;
    let atHigh = start + 1;
    const place = (suffix: number, at: number, symbol: number): void => {
      if (symbol < symbols[at]!) {
        low = suffix + 1;
        atLow = at;
      } else {
        high = suffix;
        atHigh = at;
      }
    };
    // First among the samples, which stand close together, then among the suffixes between two of them.
    for (
      let sample = segment.middleSample(low, high);
      sample >= 0;
      sample = segment.middleSample(low, high)
    ) {
      let at = start + 1;
      const last = Math.min(end, start + 1 + SAMPLED_DEPTHS);
      while (at < last && segment.sampledSymbol(sample, at - start) === symbols[at]) at++;
      const suffix = segment.sampledSuffix(sample);
      if (at < last) {
        place(suffix, at, segment.sampledSymbol(sample, at - start));
        continue;
      }
      at = this.#reach(suffix, start, at, end);
      if (at === end) {
        this.#found(start, suffix, end);
        return;
      }
      place(suffix, at, this.#symbolAt(suffix, start, at));
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#reach(middle, start, Math.min(atLow, atHigh), end);
      if (at === end) {
        this.#found(start, middle, end);
        return;
      }
      place(middle, at, this.#symbolAt(middle, start, at));
    }
    if (atLow > atHigh || low === segment.bucketStart(first)) this.#found(start, low - 1, atLow);
    else this.#found(start, low, atHigh);
  }

  #found(start: number, anchor: number, end: number): void {
    this.#anchors[start] = anchor;
    this.#ends[start] = end;
  }

  /** Up to which token the text goes on as a suffix does that begins at `start`, from a token on; `end` at most. */
  #reach(suffix: number, start: number, from: number, end: number): number {
    const { segment } = this.#part;
    const symbols = this.#symbols;
    const offset = segment.suffix(suffix) - start;
    let at = from;
    while (at < end && segment.symbol(offset + at) === symbols[at]) at++;
    return at;
  }

  /** The symbol that a suffix which begins at `start` has where the text has the token `at`. */
  #symbolAt(suffix: number, start: number, at: number): number {
    const { segment } = this.#part;
    return segment.symbol(segment.suffix(suffix) - start + at);
  }

  /** First suffix that begins with tokens [start, end), as the anchor does: from there in steps that double. */
  #firstWith(start: number, end: number): number {
    let to = this.#anchors[start]!;
    let from = this.#part.segment.bucketStart(this.#symbols[start]! - 1);
    for (let step = 1; to - step > from; step *= 2) {
      if (this.#reach(to - step, start, start + 1, end) < end) {
        from = to - step + 1;
        break;
      }
      to -= step;
    }
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#reach(middle, start, start + 1, end) < end) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** First suffix after the anchor that does not. */
  #firstWithout(start: number, end: number): number {
    let from = this.#anchors[start]! + 1;
    let to = this.#part.segment.bucketStart(this.#symbols[start]!);
    for (let step = 1; from + step < to; step *= 2) {
      if (this.#reach(from + step, start, start + 1, end) < end) {
        to = from + step;
        break;
      }
      from += step;
    }
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#reach(middle, start, start + 1, end) < end) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  #rankOf(position: number): number {
    const { segment, ranks } = this.#part;
    if (position < this.#recordStart || position >= this.#recordEnd) {
      const { recordStarts } = segment.views;
      this.#record = segment.recordOf(position);
      this.#recordStart = recordStarts[this.#record]!;
      this.#recordEnd = recordStarts[this.#record + 1]!;
    }
    return ranks === undefined ? this.#record : ranks[this.#record]!;
  }
}
