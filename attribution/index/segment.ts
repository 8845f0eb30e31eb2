import { MINIMUM_BITS, OFFSET_BITS, SAMPLE_BITS, type SegmentViews, viewSegment } from './segment-layout.ts';

/**
 * Reads one segment: a suffix array over the tokens of some records in order-key order, each closed by an end that is
 * lower than every token. Suffixes are compared up to the end of their record; of equal ones that of the earlier record
 * stands first. Types are numbered in the order of their bytes. All of this is given by the records alone, so segments
 * are independent of each other.
 */
export class Segment {
  readonly views: SegmentViews;
  readonly symbols: number;
  readonly records: number;
  readonly types: number;
  readonly tokens: number;
  /** Result of `narrow`. */
  low = 0;
  high = 0;
  readonly #suffixes: Uint8Array;
  readonly #positionBytes: number;
  readonly #low: Uint16Array;
  readonly #high: Uint8Array;
  readonly #highBits: number;
  readonly #highMask: number;
  readonly #samples: readonly Uint32Array[];
  readonly #bucketStarts: Uint32Array;

  /** @throws AttributionError 'InvalidRecord' for bytes that are not the image of a segment. */
  constructor(image: Uint8Array<ArrayBuffer>) {
    const views = viewSegment(image);
    this.views = views;
    this.symbols = views.symbols;
    this.records = views.records;
    this.types = views.types;
    this.tokens = views.symbols - views.records;
    this.#suffixes = views.suffixes;
    this.#positionBytes = views.positionBytes;
    this.#low = views.low;
    this.#high = views.high;
    this.#highBits = views.highBits;
    this.#highMask = (1 << views.highBits) - 1;
    this.#samples = views.samples;
    this.#bucketStarts = views.bucketStarts;
  }

  /** Position of suffix number i. */
  suffix(i: number): number {
    return readPosition(this.#suffixes, this.#positionBytes, i);
  }

  /** Symbol at a position: 0 ends a record, t + 1 is the type t. */
  symbol(position: number): number {
    const low = this.#low[position]!;
    const bits = this.#highBits;
    if (bits === 0) return low;
    const at = position * bits;
    if (bits === 16) return low | (this.#high[2 * position]! << 16) | (this.#high[2 * position + 1]! << 24);
    return low | (((this.#high[at >> 3]! >> (at & 7)) & this.#highMask) << 16);
  }

  /** A sample in the middle of those among the suffixes [low, high); -1: there is none. */
  middleSample(low: number, high: number): number {
    const first = (low + (1 << SAMPLE_BITS) - 1) >> SAMPLE_BITS;
    const end = (high + (1 << SAMPLE_BITS) - 1) >> SAMPLE_BITS;
    return first < end ? (first + end) >> 1 : -1;
  }

  sampledSuffix(sample: number): number {
    return sample << SAMPLE_BITS;
  }

  /** The symbol at a depth, from 1 to SAMPLED_DEPTHS, of a sample's suffix; anything beyond the end of its record. */
  sampledSymbol(sample: number, depth: number): number {
    return this.#samples[depth - 1]![sample]!;
  }

  bucketStart(type: number): number {
    return this.#bucketStarts[type]!;
  }

  /** Lowest position among the suffixes [low, high): the first place in the record of lowest order key. */
  lowestPosition(low: number, high: number): number {
    const { minima } = this.views;
    const bytes = this.#positionBytes;
    let array = this.#suffixes;
    let best = 0xffffffff;
    const mask = (1 << MINIMUM_BITS) - 1;
    for (let level = 0; ; level++) {
      const isLast = level === minima.length;
      // What sticks out of whole groups on either side, or all of it.
      const leftEnd = isLast || high - low <= 2 << MINIMUM_BITS ? high : (low + mask) & ~mask;
      best = lowestOf(array, bytes, low, leftEnd, best);
      low = leftEnd;
      if (low >= high) return best;
      const rightStart = high & ~mask;
      best = lowestOf(array, bytes, rightStart, high, best);
      high = rightStart;
      if (low >= high) return best;
      low >>= MINIMUM_BITS;
      high >>= MINIMUM_BITS;
      array = minima[level]!;
    }
  }

  /** Number of the record that a position is in. */
  recordOf(position: number): number {
    const { recordStarts } = this.views;
    let low = 0;
    let high = this.records;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (recordStarts[middle]! <= position) low = middle;
      else high = middle;
    }
    return low;
  }

  /** Byte in its record at which the symbol at a position starts (at an end: the record's length). */
  byteOffset(position: number): number {
    const { offsets, wordStarts } = this.views;
    const sampled = position >> OFFSET_BITS;
    let at = sampled << OFFSET_BITS;
    let offset = offsets[sampled]!;
    // A record that starts in between starts at 0.
    const start = this.views.recordStarts[this.recordOf(position)]!;
    if (start > at) {
      at = start;
      offset = this.gap(at);
    }
    while (at < position) {
      const type = this.symbol(at) - 1;
      at++;
      offset += wordStarts[type + 1]! - wordStarts[type]! + this.gap(at);
    }
    return offset;
  }

  /** Bytes of white space before the symbol at a position. */
  gap(position: number): number {
    const { gaps, gapBits, longGapAt, longGapBytes } = this.views;
    const at = position * gapBits;
    const longest = (1 << gapBits) - 1;
    const code = (gaps[at >> 3]! >> (at & 7)) & longest;
    if (code !== longest) return code;
    let low = 0;
    let high = longGapAt.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (longGapAt[middle]! < position) low = middle + 1;
      else high = middle;
    }
    return longGapBytes[low]!;
  }

  /**
   * The suffixes of [low, high), which share their first `depth` symbols, that go on with `symbol`: sets `low` and
   * `high` (equal: none).
   */
  narrow(depth: number, low: number, high: number, symbol: number): void {
    if (depth === 0) {
      this.low = this.#bucketStarts[symbol - 1]!;
      this.high = this.#bucketStarts[symbol]!;
      return;
    }
    const first = this.#firstAtLeast(symbol, depth, low, high);
    this.low = first;
    this.high = first === high ? high : this.#firstAfter(symbol, depth, first, high);
  }

  /** First suffix of [low, high) that goes on after `depth` symbols, rather than ending there. */
  firstFollowed(depth: number, low: number, high: number): number {
    return depth === 0 ? this.records : this.#bisect(1, depth, low, high);
  }

  /**
   * A phrase read on usually keeps its range, or loses suffixes at its edge: look there first, in steps that double.
   * First suffix in [low, high) whose next symbol is at least `symbol`.
   */
  #firstAtLeast(symbol: number, depth: number, low: number, high: number): number {
    if (this.symbol(this.suffix(low) + depth) >= symbol) return low;
    let from = low + 1;
    let to = high;
    if (depth > this.#samples.length)
      for (let step = 1; from + step < to; step *= 2) {
        if (this.symbol(this.suffix(from + step) + depth) >= symbol) {
          to = from + step;
          break;
        }
        from += step + 1;
      }
    return this.#bisect(symbol, depth, from, to);
  }

  /** First suffix in [low, high) whose next symbol is above `symbol`, from the other edge. */
  #firstAfter(symbol: number, depth: number, low: number, high: number): number {
    if (this.symbol(this.suffix(high - 1) + depth) <= symbol) return high;
    let from = low;
    let to = high - 1;
    if (depth > this.#samples.length)
      for (let step = 1; to - 1 - step > from; step *= 2) {
        if (this.symbol(this.suffix(to - 1 - step) + depth) <= symbol) {
          from = to - step;
          break;
        }
        to -= step + 1;
      }
    return this.#bisect(symbol + 1, depth, from, to);
  }

  /** First suffix in [low, high) whose next symbol is at least `symbol`; symbols are integers, so this finds both ends. */
  #bisect(symbol: number, depth: number, low: number, high: number): number {
    const sampled = this.#samples[depth - 1];
    let from = low;
    let to = high;
    if (sampled !== undefined && to - from > 2 << SAMPLE_BITS) {
      // The samples of the range are sorted, too: find the two between which the answer lies.
      let left = (from + (1 << SAMPLE_BITS) - 1) >> SAMPLE_BITS;
      let right = ((to - 1) >> SAMPLE_BITS) + 1;
      while (left < right) {
        const middle = (left + right) >>> 1;
        if (sampled[middle]! < symbol) left = middle + 1;
        else right = middle;
      }
      to = Math.min(to, left << SAMPLE_BITS);
      from = Math.max(from, ((left - 1) << SAMPLE_BITS) + 1);
    }
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.symbol(this.suffix(middle) + depth) < symbol) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

/** The lowest of `best` and the positions [low, high) of an array. */
export function lowestOf(array: Uint8Array, bytes: number, low: number, high: number, best: number): number {
  let lowest = best;
  if (bytes === 3) {
    const end = 3 * high;
    for (let at = 3 * low; at < end; at += 3) {
      const position = array[at]! | (array[at + 1]! << 8) | (array[at + 2]! << 16);
      if (position < lowest) lowest = position;
    }
    return lowest;
  }
  for (let i = low; i < high; i++) {
    const position = readPosition(array, bytes, i);
    if (position < lowest) lowest = position;
  }
  return lowest;
}

/** Number `i` of an array of 2-, 3- or 4-byte positions. */
function readPosition(array: Uint8Array, bytes: number, i: number): number {
  const at = i * bytes;
  const low = array[at]! | (array[at + 1]! << 8);
  if (bytes === 2) return low;
  return bytes === 3 ? low | (array[at + 2]! << 16) : low | (array[at + 2]! << 16) | (array[at + 3]! << 24);
}

export function writePosition(array: Uint8Array, bytes: number, i: number, position: number): void {
  const at = i * bytes;
  array[at] = position;
  array[at + 1] = position >> 8;
  if (bytes > 2) array[at + 2] = position >> 16;
  if (bytes > 3) array[at + 3] = position >> 24;
}
