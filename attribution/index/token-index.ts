import type { Corpus, RecordInfo } from '../corpus/corpus.ts';
import { AttributionError } from '../errors.ts';
import { MAX_INDEX_RECORDS } from '../limits.ts';
import { createSurprisal } from '../surprisal/surprisal.ts';
import { buildSegment, checkIndexTokens } from './build-segment.ts';
import { followersOf } from './followers.ts';
import { countOldest } from './oldest.ts';
import { type IndexPart, liveCount, rankAt, SegmentsCursor } from './phrase-cursor.ts';
import { SegmentRows } from './phrase-rows.ts';
import { RankedSet } from './ranked-set.ts';
import type { Segment } from './segment.ts';
import { type JoinedRecords, joinRecords, recordInfo } from './segment-records.ts';
import type { TokenIndex } from './types.ts';
import { createWordFinder, joinWords } from './word-list.ts';

export type {
  FirstPlace,
  Followers,
  Frequencies,
  PhraseCursor,
  PhraseMark,
  PhraseRows,
  Place,
  TokenIndex,
} from './types.ts';

/**
 * Index over the tokens of a corpus as one segment.
 * @throws AttributionError 'CorpusTooLarge' above MAX_INDEX_TOKENS.
 */
export function buildTokenIndex(corpus: Corpus): TokenIndex {
  return openTokenIndex([buildSegment(corpus)], (_, rank) => corpus.records[rank]!.bytes);
}

/**
 * One index over the records of several segments: the same answers as of one segment with all of them.
 * @param bytesOf where the bytes of a record are; asked for only by what writes texts.
 * @throws AttributionError 'DuplicateOrderKey' if two different records have one key, 'CorpusTooLarge'.
 */
export function openTokenIndex(
  segments: readonly Segment[],
  bytesOf: (record: RecordInfo, rank: number) => Uint8Array,
): TokenIndex {
  const pinned = segments.reduce((sum, { views, records }) => sum + views.duplicates + records, 0);
  if (pinned > MAX_INDEX_RECORDS)
    throw new AttributionError(
      'CorpusTooLarge',
      `${pinned} records are pinned; an index holds ${MAX_INDEX_RECORDS}.`,
    );
  const joined = joinRecords(segments);
  const lists = segments.map(({ views }) => ({ words: views.words, starts: views.wordStarts }));
  const isOne = segments.length === 1;
  const { list, numbers } = isOne ? { list: lists[0]!, numbers: [] } : joinWords(lists);
  const types = list.starts.length - 1;
  let firstPosition = 0;
  const parts = segments.map((segment, s): IndexPart => {
    const joint = numbers[s];
    const part: IndexPart = {
      segment,
      firstPosition,
      joint,
      own: joint === undefined ? undefined : new RankedSet(joint, types),
      ranks: isOne ? undefined : joined.ranks[s],
      deadSuffixes: suffixesOf(segment, joined.dead[s]!),
    };
    firstPosition += segment.symbols;
    return part;
  });
  const totalTokens = parts.reduce(
    (sum, part) => sum + liveCount(part, part.segment.records, part.segment.symbols),
    0,
  );
  checkIndexTokens(totalTokens + joined.count);
  const oldest = countOldest(parts, joined, totalTokens, types);
  const surprisal = {
    all: createSurprisal(totalTokens, types),
    oldest: createSurprisal(oldest.tokens, oldest.types),
  };
  const finder = createWordFinder(list);

  const partOf = (position: number): IndexPart => {
    let p = parts.length - 1;
    while (parts[p]!.firstPosition > position) p--;
    return parts[p]!;
  };
  const recordOf = (position: number): number => {
    const part = partOf(position);
    return rankAt(part, position - part.firstPosition);
  };
  const countOf = (token: number): number => {
    let count = 0;
    if (token >= 0)
      for (const part of parts) {
        const type = part.own === undefined ? token : part.own.placeOf(token);
        if (type >= 0)
          count += liveCount(part, part.segment.bucketStart(type), part.segment.bucketStart(type + 1));
      }
    return count;
  };
  const record = (rank: number) => recordInfo(segments[joined.segmentOf[rank]!]!, joined.recordOf[rank]!);

  return {
    recordCount: joined.count,
    duplicates: pinned - joined.count,
    totalTokens,
    types,
    unreadableRecords: countUnreadable(segments, joined),
    tokenId: finder.find,
    tableBytes: tableBytes(parts, joined) + finder.bytes + oldest.counts.byteLength,
    countOf,
    record,
    bytesOf: (rank) => bytesOf(record(rank), rank),
    surprisalOf: (token, frequencies) =>
      surprisal[frequencies](frequencies === 'all' ? countOf(token) : (oldest.counts[token] ?? 0)),
    tokenAt(position) {
      const part = partOf(position);
      const type = part.segment.symbol(position - part.firstPosition) - 1;
      return type < 0 || part.joint === undefined ? type : part.joint[type]!;
    },
    recordOf,
    placeOf(position) {
      const { segment, firstPosition: first } = partOf(position);
      const start = segment.views.recordStarts[segment.recordOf(position - first)]!;
      return { record: recordOf(position), token: position - first - start };
    },
    byteOffsetOf(position) {
      const part = partOf(position);
      return part.segment.byteOffset(position - part.firstPosition);
    },
    cursor: () => new SegmentsCursor(parts),
    rows: (tokens) => new SegmentRows(parts, tokens),
    followers: (cursor) => followersOf(parts, cursor.mark()),
  };
}

/** Suffixes that begin in one of these records (rising). */
function suffixesOf(segment: Segment, records: readonly number[]): Uint32Array {
  if (records.length === 0) return new Uint32Array(0);
  const { recordStarts } = segment.views;
  const isDead = new Uint8Array(segment.symbols);
  for (const record of records) isDead.fill(1, recordStarts[record], recordStarts[record + 1]);
  const found = new Uint32Array(isDead.reduce((sum, flag) => sum + flag, 0));
  let length = 0;
  for (let i = 0; i < segment.symbols; i++) if (isDead[segment.suffix(i)] === 1) found[length++] = i;
  return found;
}

/** The tables that join the segments. */
function tableBytes(parts: readonly IndexPart[], { segmentOf, recordOf, ranks }: JoinedRecords): number {
  const tables = [
    segmentOf,
    recordOf,
    ...ranks,
    ...parts.flatMap(({ joint, deadSuffixes }) => [joint, deadSuffixes]),
  ];
  return (
    tables.reduce((sum, table) => sum + (table?.byteLength ?? 0), 0) +
    parts.reduce((sum, { own }) => sum + (own?.bytes ?? 0), 0)
  );
}

function countUnreadable(segments: readonly Segment[], { dead }: JoinedRecords): number {
  return segments.reduce((sum, { views }, s) => {
    const isDead = new Set(dead[s]);
    return sum + views.unreadableRecords.filter((record) => !isDead.has(record)).length;
  }, 0);
}
