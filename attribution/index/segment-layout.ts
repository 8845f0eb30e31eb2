import { AttributionError } from '../errors.ts';

/**
 * One segment of a token index as one run of bytes, little-endian: what is built is what lies on disk and what queries
 * read (docs/attribution.md, "Segments"). A table of counts stands first; all sections follow from it.
 */

/** Sizes of a segment; all else follows from them. */
export interface SegmentCounts {
  /** Symbols of the text: one for each token and one for the end of each record. */
  readonly symbols: number;
  readonly records: number;
  /** Different tokens. */
  readonly types: number;
  /** Different (contributor, DataNet, contribution). */
  readonly contributions: number;
  /** Records that were left out because an earlier one has the same bytes. */
  readonly duplicates: number;
  /** Records that are not UTF-8. */
  readonly unreadable: number;
  /** Bytes of all types together. */
  readonly wordBytes: number;
  /** Bits that the white space before a token takes, 2 or 4; the longest code says that it is in the list of gaps. */
  readonly gapBits: number;
  /** Entries of that list. */
  readonly longGaps: number;
}

const COUNT_NAMES = [
  'symbols',
  'records',
  'types',
  'contributions',
  'duplicates',
  'unreadable',
  'wordBytes',
  'gapBits',
  'longGaps',
] as const satisfies readonly (keyof SegmentCounts)[];
const COUNTS_BYTES = 64;

/** Every 64th suffix's symbols at depths 1 to 3 lie together, so that bisection of a wide range stays in the cache. */
export const SAMPLE_BITS = 6;
export const SAMPLED_DEPTHS = 3;
/** Branching of the tree of minima over the suffix array. */
export const MINIMUM_BITS = 4;
/** Every 128th symbol's byte offset is kept; the others are counted from there. */
export const OFFSET_BITS = 7;
/** Bytes of a record's hash: enough that nobody finds two texts with one. */
export const HASH_BYTES = 16;
export const ADDRESS_BYTES = 20;

/** Views of the sections of a segment, and its counts. Rows say how the numbers in them are read. */
export interface SegmentViews extends SegmentCounts {
  readonly image: Uint8Array<ArrayBuffer>;
  /** Bytes of one position: 2 up to 65,536 symbols, 3 up to 2²⁴, else 4. */
  readonly positionBytes: number;
  /** Suffix array: `positionBytes` each. */
  readonly suffixes: Uint8Array;
  /** Levels of minima: level k has, for each 16ᵏ⁺¹ suffixes, the lowest position. `positionBytes` each. */
  readonly minima: readonly Uint8Array[];
  /** The text: low 16 bits of each symbol; 0 ends a record, t + 1 is the type t. */
  readonly low: Uint16Array;
  /** Further bits of each symbol: 0, 1, 2, 4, 8 or 16, as many as `types` needs. */
  readonly high: Uint8Array;
  readonly highBits: number;
  /** First suffix of each type, and one more entry. */
  readonly bucketStarts: Uint32Array;
  /** samples[d][i] is the symbol at depth d + 1 of suffix 64·i, 0 beyond the end of its record. */
  readonly samples: readonly Uint32Array[];
  /** White space before each symbol in `gapBits` bits; at the end of a record what stands behind its last token. */
  readonly gaps: Uint8Array;
  /** Positions and sizes of the gaps that are too long for that. */
  readonly longGapAt: Uint32Array;
  readonly longGapBytes: Uint32Array;
  /** Byte in its record of every 128th symbol. */
  readonly offsets: Uint32Array;
  /** First symbol of each record, and one more entry. */
  readonly recordStarts: Uint32Array;
  /** Rising. */
  readonly orderKeys: Float64Array;
  readonly recordIndexes: Uint32Array;
  readonly recordContributions: Uint32Array;
  /** Numbers of the records that are not UTF-8. */
  readonly unreadableRecords: Uint32Array;
  readonly contributors: Uint8Array;
  readonly dataNetIds: Float64Array;
  readonly contributionIds: Float64Array;
  /** Folded bytes of the types, which rise, and where each starts, and one more entry. */
  readonly words: Uint8Array;
  readonly wordStarts: Uint32Array;
  /** Truncated SHA-256 of the records' bytes, which rise, and whose each is. */
  readonly hashes: Uint8Array;
  readonly hashRecords: Uint32Array;
}

/** Part of a segment by what it is for, in bytes. */
export interface SegmentBytes {
  readonly suffixes: number;
  readonly text: number;
  readonly minima: number;
  readonly samples: number;
  readonly byteOffsets: number;
  readonly records: number;
  readonly vocabulary: number;
}

/** An empty image of the right size with its counts written. */
export function createSegmentImage(counts: SegmentCounts): SegmentViews {
  const { end } = sectionsOf(counts, new Uint8Array(0));
  const image = new Uint8Array(end);
  const header = new Uint32Array(image.buffer, 0, COUNTS_BYTES / 4);
  COUNT_NAMES.forEach((name, i) => {
    header[i] = counts[name];
  });
  return sectionsOf(counts, image).views;
}

/**
 * Views of an image. Its checksum is the caller's business; here only what would read outside of it is refused.
 * @throws AttributionError 'InvalidRecord' for bytes that are not the image of a segment.
 */
export function viewSegment(image: Uint8Array<ArrayBuffer>): SegmentViews {
  if (image.byteOffset % 8 !== 0 || image.length < COUNTS_BYTES) throw notASegment();
  const header = new Uint32Array(image.buffer, image.byteOffset, COUNTS_BYTES / 4);
  const counts = Object.fromEntries(
    COUNT_NAMES.map((name, i) => [name, header[i]!]),
  ) as unknown as SegmentCounts;
  const isSound =
    counts.symbols >= counts.records &&
    (counts.gapBits === 2 || counts.gapBits === 4) &&
    counts.types <= counts.symbols;
  if (!isSound || sectionsOf(counts, new Uint8Array(0)).end !== image.length) throw notASegment();
  return sectionsOf(counts, image).views;
}

function notASegment(): AttributionError {
  return new AttributionError('InvalidRecord', 'These bytes are not a segment of a token index.');
}

export function segmentBytes(segment: SegmentViews): SegmentBytes {
  const sum = (...parts: readonly { readonly byteLength: number }[]) =>
    parts.reduce((total, part) => total + part.byteLength, 0);
  return {
    suffixes: sum(segment.suffixes),
    text: sum(segment.low, segment.high),
    minima: sum(...segment.minima),
    samples: sum(segment.bucketStarts, ...segment.samples),
    byteOffsets: sum(segment.gaps, segment.longGapAt, segment.longGapBytes, segment.offsets),
    records: sum(
      segment.recordStarts,
      segment.orderKeys,
      segment.recordIndexes,
      segment.recordContributions,
      segment.unreadableRecords,
      segment.contributors,
      segment.dataNetIds,
      segment.contributionIds,
      segment.hashes,
      segment.hashRecords,
    ),
    vocabulary: sum(segment.words, segment.wordStarts),
  };
}

/** Every section begins at a multiple of 8 bytes. Over an empty image only `end` means something. */
function sectionsOf(
  counts: SegmentCounts,
  image: Uint8Array<ArrayBuffer>,
): { views: SegmentViews; end: number } {
  let end = COUNTS_BYTES;
  const isMeasured = image.length === 0;
  const take = (bytes: number): number => {
    const at = end;
    end += Math.ceil(bytes / 8) * 8;
    return isMeasured ? 0 : image.byteOffset + at;
  };
  const { buffer } = image;
  const room = (length: number) => (isMeasured ? 0 : length);
  const bytes = (length: number) => new Uint8Array(buffer, take(length), room(length));
  const words16 = (length: number) => new Uint16Array(buffer, take(2 * length), room(length));
  const words32 = (length: number) => new Uint32Array(buffer, take(4 * length), room(length));
  const doubles = (length: number) => new Float64Array(buffer, take(8 * length), room(length));
  const { symbols, records, types, contributions } = counts;
  const positionBytes = positionBytesOf(symbols);
  const highBits = highBitsOf(types);
  const views: SegmentViews = {
    ...counts,
    image,
    positionBytes,
    highBits,
    suffixes: bytes(positionBytes * symbols),
    minima: levelSizes(symbols).map((size) => bytes(positionBytes * size)),
    low: words16(symbols),
    high: bytes(Math.ceil((symbols * highBits) / 8)),
    bucketStarts: words32(types + 1),
    samples: Array.from({ length: SAMPLED_DEPTHS }, () =>
      words32((symbols + (1 << SAMPLE_BITS) - 1) >> SAMPLE_BITS),
    ),
    gaps: bytes(Math.ceil((symbols * counts.gapBits) / 8)),
    longGapAt: words32(counts.longGaps),
    longGapBytes: words32(counts.longGaps),
    offsets: words32((symbols + (1 << OFFSET_BITS) - 1) >> OFFSET_BITS),
    recordStarts: words32(records + 1),
    orderKeys: doubles(records),
    recordIndexes: words32(records),
    recordContributions: words32(records),
    unreadableRecords: words32(counts.unreadable),
    contributors: bytes(ADDRESS_BYTES * contributions),
    dataNetIds: doubles(contributions),
    contributionIds: doubles(contributions),
    words: bytes(counts.wordBytes),
    wordStarts: words32(types + 1),
    hashes: bytes(HASH_BYTES * records),
    hashRecords: words32(records),
  };
  return { views, end };
}

function positionBytesOf(symbols: number): number {
  return symbols <= 0x10000 ? 2 : symbols <= 0x1000000 ? 3 : 4;
}

/** Bits above the lowest 16 that the symbols 0 to `types` need, as a power of two so that none crosses a byte. */
function highBitsOf(types: number): number {
  return [0, 1, 2, 4, 8].find((bits) => types < 1 << (16 + bits)) ?? 16;
}

/** Sizes of the levels of minima; the last has at most 16 entries. */
function levelSizes(symbols: number): number[] {
  const sizes: number[] = [];
  for (let size = symbols; size > 1 << MINIMUM_BITS; ) {
    size = (size + (1 << MINIMUM_BITS) - 1) >> MINIMUM_BITS;
    sizes.push(size);
  }
  return sizes;
}
