import type { PhraseCursor, TokenIndex } from '../index/token-index.ts';
import { MAX_OUTPUT_TOKENS } from '../limits.ts';
import { type CreditRules, earns } from './credits.ts';
import type { Owners } from './owners.ts';
import { type IndexedText, readText } from './text.ts';
import type { AttributedSpan } from './types.ts';

/** Runs of neighbouring positions with one owner, in the order of the answer. */
export function spansOf(
  index: TokenIndex,
  output: IndexedText,
  owners: Owners,
  weights: Float64Array,
  rules: CreditRules,
): AttributedSpan[] {
  const spans: AttributedSpan[] = [];
  const { positions, ranks } = owners;
  let start = 0;
  while (start < ranks.length) {
    const rank = ranks[start]!;
    if (rank < 0) {
      start++;
      continue;
    }
    const position = positions[start]!;
    let end = start;
    let weightQ16 = 0;
    while (end < ranks.length && ranks[end] === rank) weightQ16 += weights[end++]!;
    const record = index.record(rank);
    spans.push({
      startToken: start,
      endToken: end,
      startByte: output.tokens.starts[start]!,
      endByte: output.tokens.ends[end - 1]!,
      contributor: record.contributor,
      dataNetId: record.dataNetId,
      contributionId: record.contributionId,
      recordIndex: record.recordIndex,
      orderKey: record.orderKey,
      weightQ16,
      earns: earns(record, rules),
      ...phraseAround(index, output.ids, start, position),
      recordByte: index.byteOffsetOf(position),
    });
    start = end;
  }
  return spans;
}

/** The longest phrase that the output and the record share around token `at`, which stands at `position`. */
function phraseAround(index: TokenIndex, ids: Int32Array, at: number, position: number) {
  const inRecord = index.placeOf(position).token;
  let start = at;
  while (start > 0 && at - start < inRecord && index.tokenAt(position - (at - start) - 1) === ids[start - 1])
    start--;
  let end = at + 1;
  while (end < ids.length && ids[end]! >= 0 && index.tokenAt(position + end - at) === ids[end]) end++;
  const cursor = index.cursor();
  readOn(cursor, ids, start, end);
  return { matchStartToken: start, matchLength: end - start, count: cursor.count };
}

/** Reads tokens[from, to) as far as the phrase occurs; returns where it ended. */
function readOn(cursor: PhraseCursor, tokens: Int32Array, from: number, to: number): number {
  let end = from;
  do end += cursor.extendAll(tokens, end, to);
  while (end < to && cursor.extend(tokens[end]!) && ++end < to);
  return end;
}

/** A phrase of the output that stands in the snapshots and cannot be longer on either side. */
export interface MaximalSpan {
  readonly startToken: number;
  readonly endToken: number;
  readonly startByte: number;
  readonly endByte: number;
  /** Occurrences in the pinned snapshots. */
  readonly count: number;
  /** Surprisal of its tokens, in 2⁻¹⁶ bit: how telling it is. */
  readonly surprisalQ16: number;
  /** Rank in the index of the record of lowest order key that has it, and the byte where it starts there. */
  readonly record: number;
  readonly recordByte: number;
}

/**
 * All maximal matching spans of an output (the spans that OLMoTrace shows, arXiv 2504.07096), with their counts. For
 * display: whether a span credits somebody is another question.
 * @param minTokens shortest span that is reported.
 * @throws InvalidUtf8; AttributionError 'TooManyTokens' above MAX_OUTPUT_TOKENS.
 */
export function maximalSpans(index: TokenIndex, output: Uint8Array, minTokens: number): MaximalSpan[] {
  const { tokens, ids, surprisalBefore } = readText(index, output, MAX_OUTPUT_TOKENS, 'all');
  const cursor = index.cursor();
  const spans: MaximalSpan[] = [];
  let reached = 0;
  for (let start = 0; start < ids.length; start++) {
    cursor.reset();
    const end = readOn(cursor, ids, start, ids.length);
    // A match that ends where the previous one ended is a part of it.
    if (end <= reached) continue;
    reached = end;
    if (end - start < minTokens) continue;
    const position = cursor.earliest();
    spans.push({
      startToken: start,
      endToken: end,
      startByte: tokens.starts[start]!,
      endByte: tokens.ends[end - 1]!,
      count: cursor.count,
      surprisalQ16: surprisalBefore[end]! - surprisalBefore[start]!,
      record: index.recordOf(position),
      recordByte: index.byteOffsetOf(position),
    });
  }
  return spans;
}
