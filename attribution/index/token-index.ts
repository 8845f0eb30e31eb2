import type { Corpus } from '../corpus/corpus.ts';
import { AttributionError, InvalidUtf8 } from '../errors.ts';
import { lexInto, TokenBuffer } from '../lexer/lexer.ts';
import { MAX_INDEX_TOKENS } from '../limits.ts';
import { createSurprisal } from '../surprisal/surprisal.ts';
import { createRangeMinimum } from './range-minimum.ts';
import { suffixArray } from './suffix-array.ts';
import { Vocabulary } from './vocabulary.ts';

/** Where a phrase stands: `record` is a rank in `corpus.records`, `token` a place within that record. */
export interface Place {
  readonly record: number;
  readonly token: number;
}

/**
 * All occurrences of a phrase that is read token by token. One cursor serves one query at a time; `mark` and `rewind`
 * return to an earlier phrase without reading it again.
 */
export interface PhraseCursor {
  /** Back to the empty phrase. */
  reset(): void;
  /** Appends a token (-1: a token that the corpus does not have). False if the longer phrase does not occur; then the
   * cursor stays at the shorter one. */
  extend(token: number): boolean;
  /**
   * Appends `tokens[from], tokens[from + 1], …`, at most up to `to`, as long as no occurrence is lost; returns how many
   * were appended. The same as calling `extend` while `count` stays, but cheap for long quotations.
   */
  extendAll(tokens: Int32Array, from: number, to: number): number;
  /** Tokens in the phrase. */
  readonly depth: number;
  /** Occurrences of the phrase. Meaningless for the empty phrase. */
  readonly count: number;
  /** An occurrence in the record of lowest order key, as a position for `placeOf` and `recordOf`. */
  earliest(): number;
  /** State that `rewind` accepts, as three numbers. */
  mark(): readonly [number, number, number];
  rewind(mark: readonly [number, number, number]): void;
}

/**
 * What attribution asks of an index. Everything is defined on the corpus: a segmented or a WebAssembly index behind the
 * same interface must give the same answers. Positions are opaque, except that position + 1 is the next token of the
 * same record.
 */
export interface TokenIndex {
  readonly corpus: Corpus;
  /** Tokens over all records (exact duplicates once). */
  readonly totalTokens: number;
  /** Different tokens. */
  readonly types: number;
  /** Records whose bytes are not UTF-8: they have no tokens and can earn nothing. */
  readonly unreadableRecords: number;
  /** Number of the token bytes[start, end), or -1 if no record has it. */
  tokenId(bytes: Uint8Array, start: number, end: number): number;
  /** Occurrences of a token (-1 has none). */
  countOf(token: number): number;
  /** Surprisal of a token in 2⁻¹⁶ bit. */
  surprisalOf(token: number): number;
  /** Token at a position, or -1 if that is the end of a record. */
  tokenAt(position: number): number;
  recordOf(position: number): number;
  placeOf(position: number): Place;
  /** Byte in the record at which the token at this position starts. */
  byteOffsetOf(position: number): number;
  cursor(): PhraseCursor;
  /** For sampling: occurrences of the cursor's phrase that another token follows. */
  followers(cursor: PhraseCursor): Followers;
}

/** The tokens that follow a phrase within its records, one for each occurrence. */
export interface Followers {
  /** Occurrences that are followed by a token. */
  readonly count: number;
  /** Whether they stand in at least two records. */
  readonly inSeveralRecords: boolean;
  /** Position of the following token of occurrence `i`, 0 ≤ i < count, in an order given by the data. */
  position(i: number): number;
}

/**
 * Suffix index over the tokens of a corpus: records in order-key order, each closed by a separator of its own (lower
 * than every token), so that no phrase crosses records and equal suffixes stand in order-key order.
 * Memory: about 19 bytes a token. Time linear in the bytes.
 * @throws AttributionError 'CorpusTooLarge' above MAX_INDEX_TOKENS.
 */
export function buildTokenIndex(corpus: Corpus): TokenIndex {
  const read = readRecords(corpus);
  const { text, recordStarts, vocabulary, byteOffsets, unreadableRecords } = read;
  const records = corpus.records.length;
  const types = vocabulary.size;
  const sa = suffixArray(text, records + types);
  const recordAt = recordOfSuffixes(sa, recordStarts);
  const minimum = createRangeMinimum(recordAt);
  const bucketStarts = bucketsOf(text, records, types);
  const samples = sampleSymbols(text, sa);
  const surprisal = createSurprisal(text.length - records, types);
  let nextOtherRecord: Int32Array | undefined;

  const countOf = (token: number) => (token < 0 ? 0 : bucketStarts[token + 1]! - bucketStarts[token]!);
  const recordOf = (position: number) => recordOfPosition(recordStarts, position);

  return {
    corpus,
    totalTokens: text.length - records,
    types,
    unreadableRecords,
    tokenId: (bytes, start, end) => vocabulary.find(bytes, start, end),
    countOf,
    surprisalOf: (token) => surprisal(countOf(token)),
    tokenAt: (position) => Math.max(-1, text[position]! - records),
    recordOf,
    placeOf(position) {
      const record = recordOf(position);
      return { record, token: position - recordStarts[record]! };
    },
    byteOffsetOf: (position) => byteOffsets[position]!,
    cursor: () => new SuffixCursor({ text, sa, bucketStarts, samples, records, argMin: minimum.argMin }),
    followers(cursor) {
      const [low, high, depth] = cursor.mark();
      // Suffixes that end after the phrase have a separator next, which is lower than every token: they come first.
      const from = depth === 0 ? records : firstFollowed(text, sa, records, low, high, depth);
      nextOtherRecord ??= nextDifferent(recordAt);
      return {
        count: high - from,
        inSeveralRecords: from < high && nextOtherRecord[from]! < high,
        position: (i) => sa[from + i]! + depth,
      };
    },
  };
}

/** Every 16th suffix's symbols at depths 1 to 3 lie together, so that bisection of a wide range stays in the cache. */
const SAMPLE_BITS = 4;
const SAMPLED_DEPTHS = 3;

interface SuffixTables {
  readonly text: Int32Array;
  readonly sa: Int32Array;
  readonly bucketStarts: Int32Array;
  /** samples[d][i] is the symbol at depth d of suffix 16·i. */
  readonly samples: readonly Int32Array[];
  readonly records: number;
  readonly argMin: (low: number, high: number) => number;
}

/** A range of the suffix array: all suffixes that start with the phrase. */
class SuffixCursor implements PhraseCursor {
  depth = 0;
  #low = 0;
  #high: number;
  /** Where `earliest` was found last; it stays the earliest of every narrower range that still has it.
   * (Of several in one record the last in suffix order is taken, since short suffixes drop out first.) */
  #earliestAt = -1;
  readonly #tables: SuffixTables;

  constructor(tables: SuffixTables) {
    this.#tables = tables;
    this.#high = tables.sa.length;
  }

  get count(): number {
    return this.#high - this.#low;
  }

  reset(): void {
    this.depth = 0;
    this.#low = 0;
    this.#high = this.#tables.sa.length;
    this.#earliestAt = -1;
  }

  mark(): readonly [number, number, number] {
    return [this.#low, this.#high, this.depth];
  }

  rewind(mark: readonly [number, number, number]): void {
    [this.#low, this.#high, this.depth] = mark;
    this.#earliestAt = -1;
  }

  earliest(): number {
    const { sa, argMin } = this.#tables;
    const isInRange = this.#earliestAt >= this.#low && this.#earliestAt < this.#high;
    if (!isInRange) this.#earliestAt = argMin(this.#low, this.#high);
    return sa[this.#earliestAt]!;
  }

  extend(token: number): boolean {
    if (token < 0) return false;
    const { bucketStarts, records } = this.#tables;
    const { depth } = this;
    let low: number;
    let high: number;
    if (depth === 0) {
      low = bucketStarts[token]!;
      high = bucketStarts[token + 1]!;
    } else {
      low = this.#firstAtLeast(token + records, this.#low, this.#high);
      high = low === this.#high ? low : this.#firstAfter(token + records, low, this.#high);
    }
    if (low >= high) return false;
    this.#low = low;
    this.#high = high;
    this.depth = depth + 1;
    return true;
  }

  extendAll(tokens: Int32Array, from: number, to: number): number {
    const { text, sa, records } = this.#tables;
    if (this.depth === 0) return 0;
    // What the first and the last suffix of a sorted range share, all of it shares.
    const first = sa[this.#low]! + this.depth;
    const last = sa[this.#high - 1]! + this.depth;
    let length = 0;
    while (
      from + length < to &&
      tokens[from + length]! >= 0 &&
      text[first + length] === tokens[from + length]! + records &&
      text[last + length] === text[first + length]
    )
      length++;
    this.depth += length;
    return length;
  }

  /**
   * First suffix in [low, high) whose next symbol is at least `symbol`. A phrase read on usually keeps its range, or
   * loses suffixes at its edge: look there first, in steps that double.
   */
  #firstAtLeast(symbol: number, low: number, high: number): number {
    const { text, sa, samples } = this.#tables;
    const { depth } = this;
    if (text[sa[low]! + depth]! >= symbol) return low;
    low++;
    if (depth >= samples.length)
      for (let step = 1; low + step < high; step *= 2) {
        if (text[sa[low + step]! + depth]! >= symbol) {
          high = low + step;
          break;
        }
        low += step + 1;
      }
    return this.#bisect(symbol, low, high);
  }

  /** First suffix in [low, high) whose next symbol is above `symbol`, from the other edge. */
  #firstAfter(symbol: number, low: number, high: number): number {
    const { text, sa, samples } = this.#tables;
    const { depth } = this;
    if (text[sa[high - 1]! + depth]! <= symbol) return high;
    high--;
    if (depth >= samples.length)
      for (let step = 1; high - 1 - step > low; step *= 2) {
        if (text[sa[high - 1 - step]! + depth]! <= symbol) {
          low = high - step;
          break;
        }
        high -= step + 1;
      }
    return this.#bisect(symbol + 1, low, high);
  }

  /** First suffix in [low, high) whose next symbol is at least `symbol`; symbols are integers, so this finds both ends. */
  #bisect(symbol: number, low: number, high: number): number {
    const { text, sa, samples } = this.#tables;
    const { depth } = this;
    const sampled = samples[depth];
    if (sampled !== undefined && high - low > 4 << SAMPLE_BITS) {
      // The samples of the range are sorted, too: find the two between which the answer lies.
      let left = (low + (1 << SAMPLE_BITS) - 1) >> SAMPLE_BITS;
      let right = ((high - 1) >> SAMPLE_BITS) + 1;
      while (left < right) {
        const middle = (left + right) >>> 1;
        if (sampled[middle]! < symbol) left = middle + 1;
        else right = middle;
      }
      high = Math.min(high, left << SAMPLE_BITS);
      low = Math.max(low, ((left - 1) << SAMPLE_BITS) + 1);
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (text[sa[middle]! + depth]! < symbol) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Symbols of every 16th suffix by depth. Those beyond the end of the text are never asked for. */
function sampleSymbols(text: Int32Array, sa: Int32Array): Int32Array[] {
  const size = (sa.length + (1 << SAMPLE_BITS) - 1) >> SAMPLE_BITS;
  return Array.from({ length: SAMPLED_DEPTHS + 1 }, (_, depth) => {
    const symbols = new Int32Array(depth === 0 ? 0 : size);
    for (let i = 0; i < symbols.length; i++) symbols[i] = text[sa[i << SAMPLE_BITS]! + depth] ?? -1;
    return symbols;
  });
}

interface ReadRecords {
  /** Symbols: record r ends in the symbol r, token t is the symbol records + t. */
  readonly text: Int32Array;
  readonly recordStarts: Int32Array;
  readonly byteOffsets: Uint32Array;
  readonly vocabulary: Vocabulary;
  readonly unreadableRecords: number;
}

function readRecords(corpus: Corpus): ReadRecords {
  const { records } = corpus;
  const vocabulary = new Vocabulary();
  const recordStarts = new Int32Array(records.length + 1);
  const buffer = new TokenBuffer();
  let text = new Int32Array(1024);
  let byteOffsets = new Uint32Array(1024);
  let length = 0;
  let unreadableRecords = 0;
  records.forEach((record, rank) => {
    recordStarts[rank] = length;
    if (!lexRecord(buffer, record.bytes)) unreadableRecords++;
    const needed = length + buffer.length + 1;
    if (needed > MAX_INDEX_TOKENS)
      throw new AttributionError(
        'CorpusTooLarge',
        `The pinned snapshots have more than ${MAX_INDEX_TOKENS} tokens.`,
      );
    if (needed > text.length) {
      const size = Math.min(MAX_INDEX_TOKENS, Math.max(needed, text.length * 2));
      const [oldText, oldOffsets] = [text, byteOffsets];
      text = new Int32Array(size);
      text.set(oldText);
      byteOffsets = new Uint32Array(size);
      byteOffsets.set(oldOffsets);
    }
    for (let i = 0; i < buffer.length; i++) {
      const start = buffer.starts[i]!;
      text[length] = records.length + vocabulary.intern(record.bytes, start, buffer.ends[i]!);
      byteOffsets[length++] = start;
    }
    text[length] = rank;
    byteOffsets[length++] = record.bytes.length;
  });
  recordStarts[records.length] = length;
  return {
    text: text.slice(0, length),
    byteOffsets: byteOffsets.slice(0, length),
    recordStarts,
    vocabulary,
    unreadableRecords,
  };
}

/** A record that is not UTF-8 (an image, say) has no tokens; that is a property of the record and stops nobody. */
function lexRecord(buffer: TokenBuffer, bytes: Uint8Array): boolean {
  try {
    lexInto(buffer, bytes, MAX_INDEX_TOKENS);
    return true;
  } catch (error) {
    if (!(error instanceof InvalidUtf8)) throw error;
    buffer.length = 0;
    return false;
  }
}

function bucketsOf(text: Int32Array, records: number, types: number): Int32Array {
  const starts = new Int32Array(types + 1);
  for (let i = 0; i < text.length; i++) if (text[i]! >= records) starts[text[i]! - records + 1]!++;
  starts[0] = records;
  for (let t = 0; t < types; t++) starts[t + 1]! += starts[t]!;
  return starts;
}

function recordOfSuffixes(sa: Int32Array, recordStarts: Int32Array): Int32Array {
  const byPosition = new Int32Array(sa.length);
  for (let r = 0; r + 1 < recordStarts.length; r++) byPosition.fill(r, recordStarts[r], recordStarts[r + 1]);
  const result = new Int32Array(sa.length);
  for (let i = 0; i < sa.length; i++) result[i] = byPosition[sa[i]!]!;
  return result;
}

function recordOfPosition(recordStarts: Int32Array, position: number): number {
  let low = 0;
  let high = recordStarts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (recordStarts[middle]! <= position) low = middle;
    else high = middle;
  }
  return low;
}

/** For each place the next place whose value differs. */
function nextDifferent(values: Int32Array): Int32Array {
  const next = new Int32Array(values.length);
  for (let i = values.length - 1; i >= 0; i--)
    next[i] = i + 1 < values.length && values[i + 1] === values[i] ? next[i + 1]! : i + 1;
  return next;
}

function firstFollowed(
  text: Int32Array,
  sa: Int32Array,
  records: number,
  low: number,
  high: number,
  depth: number,
): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (text[sa[middle]! + depth]! < records) low = middle + 1;
    else high = middle;
  }
  return low;
}
