import { checkIndexTokens, indexContent, type SegmentContent } from './build-segment.ts';
import type { Segment } from './segment.ts';
import { HASH_BYTES } from './segment-layout.ts';
import { joinRecords, recordInfo } from './segment-records.ts';
import { joinWords } from './word-list.ts';

/**
 * One segment with the records of several: byte for byte the segment that `buildSegment` makes of all their records,
 * without those records' bytes. The suffixes are sorted again, which is linear and simple to check.
 * @throws AttributionError 'CorpusTooLarge', 'DuplicateOrderKey'.
 */
export function mergeSegments(segments: readonly Segment[]): Segment {
  return indexContent(joinContents(segments));
}

function joinContents(segments: readonly Segment[]): SegmentContent {
  const joined = joinRecords(segments);
  const { count, segmentOf, recordOf } = joined;
  const words = joinWords(segments.map(({ views }) => ({ words: views.words, starts: views.wordStarts })));
  const hashPlaces = segments.map(hashPlacesOf);
  const unreadableOf = segments.map(({ views }) => new Set(views.unreadableRecords));
  let symbols = 0;
  for (let rank = 0; rank < count; rank++) symbols += lengthOf(segments[segmentOf[rank]!]!, recordOf[rank]!);
  checkIndexTokens(symbols);
  const text = new Int32Array(symbols);
  const gaps = new Uint32Array(symbols);
  const records: SegmentContent['records'][number][] = [];
  const hashes: Uint8Array[] = [];
  const unreadable: number[] = [];
  let at = 0;
  for (let rank = 0; rank < count; rank++) {
    const s = segmentOf[rank]!;
    const record = recordOf[rank]!;
    const segment = segments[s]!;
    const { recordStarts, hashes: ownHashes } = segment.views;
    const numbers = words.numbers[s]!;
    for (let position = recordStarts[record]!; position < recordStarts[record + 1]!; position++) {
      const symbol = segment.symbol(position);
      text[at] = symbol === 0 ? -1 : numbers[symbol - 1]!;
      gaps[at++] = segment.gap(position);
    }
    const hashAt = hashPlaces[s]![record]! * HASH_BYTES;
    hashes.push(ownHashes.subarray(hashAt, hashAt + HASH_BYTES));
    records.push(recordInfo(segment, record));
    if (unreadableOf[s]!.has(record)) unreadable.push(rank);
  }
  return {
    records,
    hashes,
    unreadable,
    duplicates: segments.reduce((sum, { views, records: all }) => sum + views.duplicates + all, 0) - count,
    text,
    gaps,
    vocabulary: words.list,
  };
}

function lengthOf({ views }: Segment, record: number): number {
  return views.recordStarts[record + 1]! - views.recordStarts[record]!;
}

/** By record: the place of its hash. */
function hashPlacesOf({ views, records }: Segment): Uint32Array {
  const places = new Uint32Array(records);
  views.hashRecords.forEach((record, i) => {
    places[record] = i;
  });
  return places;
}
