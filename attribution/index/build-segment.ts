import { sha256 } from '@noble/hashes/sha2.js';
import { type Corpus, compareBytes, type RecordInfo } from '../corpus/corpus.ts';
import { AttributionError, InvalidUtf8 } from '../errors.ts';
import { lexInto, TokenBuffer } from '../lexer/lexer.ts';
import { MAX_INDEX_TOKENS } from '../limits.ts';
import { lowestOf, Segment, writePosition } from './segment.ts';
import {
  ADDRESS_BYTES,
  createSegmentImage,
  HASH_BYTES,
  MINIMUM_BITS,
  OFFSET_BITS,
  SAMPLE_BITS,
  SAMPLED_DEPTHS,
  type SegmentViews,
} from './segment-layout.ts';
import { suffixArray } from './suffix-array.ts';
import { Vocabulary } from './vocabulary.ts';

/** Types in the order of their bytes: type t is words[starts[t], starts[t + 1]). */
export interface WordList {
  readonly words: Uint8Array;
  readonly starts: Uint32Array;
}

/** What a segment holds, before it is indexed. Records in order-key order, each text once. */
export interface SegmentContent {
  readonly records: readonly RecordInfo[];
  /** Truncated hash of each record's bytes. */
  readonly hashes: readonly Uint8Array[];
  readonly unreadable: readonly number[];
  readonly duplicates: number;
  /** Type numbers record by record; -1 ends a record. */
  readonly text: Int32Array;
  /** Bytes of white space before each symbol. */
  readonly gaps: Uint32Array;
  readonly vocabulary: WordList;
}

/**
 * A segment over the records of a corpus.
 * @throws AttributionError 'CorpusTooLarge' above MAX_INDEX_TOKENS.
 */
export function buildSegment(corpus: Corpus): Segment {
  return indexContent(readRecords(corpus));
}

/** Sorts the suffixes and writes the image. Time linear in the symbols. */
export function indexContent(content: SegmentContent): Segment {
  const { records, text, vocabulary } = content;
  const types = vocabulary.starts.length - 1;
  const contributions = distinctContributions(records);
  const { gapBits, longGaps } = chooseGapBits(content.gaps);
  const views = createSegmentImage({
    symbols: text.length,
    records: records.length,
    types,
    contributions: contributions.first.length,
    duplicates: content.duplicates,
    unreadable: content.unreadable.length,
    wordBytes: vocabulary.words.length,
    gapBits,
    longGaps,
  });
  const sorted = suffixArray(sortKeys(text, records.length), records.length + types);
  for (let i = 0; i < sorted.length; i++) writePosition(views.suffixes, views.positionBytes, i, sorted[i]!);
  writeMinima(views);
  writeText(views, text);
  writeBuckets(views, text);
  writeSamples(views, text, sorted);
  writeRecords(views, content, contributions);
  views.words.set(vocabulary.words);
  views.wordStarts.set(vocabulary.starts);
  writeGaps(views, content.gaps);
  writeOffsets(views, content);
  writeHashes(views, content.hashes);
  return new Segment(views.image);
}

/** An end of its own for each record, lower than every type and rising: so comparison stops there. */
function sortKeys(text: Int32Array, records: number): Int32Array {
  const keys = new Int32Array(text.length);
  let record = 0;
  for (let i = 0; i < text.length; i++) keys[i] = text[i]! < 0 ? record++ : text[i]! + records;
  return keys;
}

function writeMinima({ suffixes, minima, positionBytes }: SegmentViews): void {
  let below = suffixes;
  for (const level of minima) {
    const size = below.length / positionBytes;
    for (let i = 0; i < level.length / positionBytes; i++) {
      const end = Math.min(size, (i + 1) << MINIMUM_BITS);
      writePosition(
        level,
        positionBytes,
        i,
        lowestOf(below, positionBytes, i << MINIMUM_BITS, end, 0xffffffff),
      );
    }
    below = level;
  }
}

function writeText({ low, high, highBits }: SegmentViews, text: Int32Array): void {
  for (let i = 0; i < text.length; i++) {
    const symbol = text[i]! + 1;
    low[i] = symbol;
    if (highBits === 0) continue;
    const above = symbol >>> 16;
    if (highBits === 16) {
      high[2 * i] = above;
      high[2 * i + 1] = above >> 8;
    } else high[(i * highBits) >> 3]! |= above << ((i * highBits) & 7);
  }
}

function writeBuckets({ bucketStarts, records, types }: SegmentViews, text: Int32Array): void {
  for (let i = 0; i < text.length; i++) if (text[i]! >= 0) bucketStarts[text[i]! + 1]!++;
  bucketStarts[0] = records;
  for (let t = 0; t < types; t++) bucketStarts[t + 1]! += bucketStarts[t]!;
}

function writeSamples({ samples }: SegmentViews, text: Int32Array, sorted: Int32Array): void {
  for (let depth = 1; depth <= SAMPLED_DEPTHS; depth++) {
    const symbols = samples[depth - 1]!;
    for (let i = 0; i < symbols.length; i++) symbols[i] = (text[sorted[i << SAMPLE_BITS]! + depth] ?? -1) + 1;
  }
}

interface Contributions {
  /** The first record of each. */
  readonly first: readonly RecordInfo[];
  /** Number of its contribution for each record. */
  readonly of: Uint32Array;
}

function distinctContributions(records: readonly RecordInfo[]): Contributions {
  const numbers = new Map<string, number>();
  const first: RecordInfo[] = [];
  const of = new Uint32Array(records.length);
  records.forEach((record, r) => {
    const key = `${record.contributor} ${record.dataNetId} ${record.contributionId}`;
    let number = numbers.get(key);
    if (number === undefined) {
      number = first.push(record) - 1;
      numbers.set(key, number);
    }
    of[r] = number;
  });
  return { first, of };
}

function writeRecords(views: SegmentViews, content: SegmentContent, contributions: Contributions): void {
  content.records.forEach((record, r) => {
    views.orderKeys[r] = record.orderKey;
    views.recordIndexes[r] = record.recordIndex;
  });
  views.recordContributions.set(contributions.of);
  views.unreadableRecords.set(content.unreadable);
  contributions.first.forEach(({ contributor, dataNetId, contributionId }, i) => {
    for (let b = 0; b < ADDRESS_BYTES; b++)
      views.contributors[i * ADDRESS_BYTES + b] = Number.parseInt(
        contributor.slice(2 + 2 * b, 4 + 2 * b),
        16,
      );
    views.dataNetIds[i] = dataNetId;
    views.contributionIds[i] = contributionId;
  });
  let record = 0;
  const { text } = content;
  for (let i = 0; i < text.length; i++) if (text[i]! < 0) views.recordStarts[++record] = i + 1;
}

/** Prose has gaps of 0 to 2 bytes, source text longer ones: whichever code takes less. */
function chooseGapBits(gaps: Uint32Array): { gapBits: number; longGaps: number } {
  let above2 = 0;
  let above14 = 0;
  for (let i = 0; i < gaps.length; i++) {
    const gap = gaps[i]!;
    if (gap > 2) above2++;
    if (gap > 14) above14++;
  }
  const isNarrow = gaps.length / 4 + 8 * above2 <= gaps.length / 2 + 8 * above14;
  return isNarrow ? { gapBits: 2, longGaps: above2 } : { gapBits: 4, longGaps: above14 };
}

function writeGaps(views: SegmentViews, gaps: Uint32Array): void {
  const { gapBits } = views;
  const longest = (1 << gapBits) - 1;
  let long = 0;
  const codes = views.gaps;
  for (let i = 0; i < gaps.length; i++) {
    const gap = gaps[i]!;
    const at = i * gapBits;
    codes[at >> 3]! |= Math.min(gap, longest) << (at & 7);
    if (gap < longest) continue;
    views.longGapAt[long] = i;
    views.longGapBytes[long++] = gap;
  }
}

function writeOffsets({ offsets, wordStarts }: SegmentViews, { text, gaps }: SegmentContent): void {
  let offset = 0;
  for (let i = 0; i < text.length; i++) {
    offset += gaps[i]!;
    if ((i & ((1 << OFFSET_BITS) - 1)) === 0) offsets[i >> OFFSET_BITS] = offset;
    offset = text[i]! < 0 ? 0 : offset + wordStarts[text[i]! + 1]! - wordStarts[text[i]!]!;
  }
}

function writeHashes(views: SegmentViews, hashes: readonly Uint8Array[]): void {
  const order = Array.from(hashes.keys()).sort((a, b) => compareBytes(hashes[a]!, hashes[b]!));
  order.forEach((record, i) => {
    views.hashes.set(hashes[record]!, i * HASH_BYTES);
    views.hashRecords[i] = record;
  });
}

function readRecords(corpus: Corpus): SegmentContent {
  const { records } = corpus;
  const vocabulary = new Vocabulary();
  const buffer = new TokenBuffer();
  const unreadable: number[] = [];
  let text = new Int32Array(1024);
  let gaps = new Uint32Array(1024);
  let length = 0;
  records.forEach((record, rank) => {
    if (!lexRecord(buffer, record.bytes)) unreadable.push(rank);
    const needed = length + buffer.length + 1;
    checkIndexTokens(needed);
    if (needed > text.length) {
      const size = Math.min(MAX_INDEX_TOKENS, Math.max(needed, text.length * 2));
      const [oldText, oldGaps] = [text, gaps];
      text = new Int32Array(size);
      text.set(oldText);
      gaps = new Uint32Array(size);
      gaps.set(oldGaps);
    }
    let read = 0;
    for (let i = 0; i < buffer.length; i++) {
      const start = buffer.starts[i]!;
      const end = buffer.ends[i]!;
      gaps[length] = start - read;
      text[length++] = vocabulary.intern(record.bytes, start, end);
      read = end;
    }
    gaps[length] = record.bytes.length - read;
    text[length++] = -1;
  });
  const { numbers, words, starts } = vocabulary.sorted();
  for (let i = 0; i < length; i++) if (text[i]! >= 0) text[i] = numbers[text[i]!]!;
  return {
    records,
    hashes: records.map((record) => sha256(record.bytes).slice(0, HASH_BYTES)),
    unreadable,
    duplicates: corpus.duplicates,
    text: text.subarray(0, length),
    gaps: gaps.subarray(0, length),
    vocabulary: { words, starts },
  };
}

/** @throws AttributionError 'CorpusTooLarge' */
export function checkIndexTokens(symbols: number): void {
  if (symbols > MAX_INDEX_TOKENS)
    throw new AttributionError(
      'CorpusTooLarge',
      `The pinned snapshots have more than ${MAX_INDEX_TOKENS} tokens.`,
    );
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
