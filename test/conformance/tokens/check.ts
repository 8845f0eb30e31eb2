/**
 * One case of docs/attribution.md judged three ways: brute force over the records, one segment, and many segments that
 * were merged in a drawn order and read again from their bytes. All must say the same.
 */
import assert from 'node:assert/strict';
import {
  attributeTokens,
  buildSegment,
  buildTokenIndex,
  type CorpusRecord,
  continueText,
  createCorpus,
  DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
  lex,
  maximalSpans,
  mergeSegments,
  openTokenIndex,
  Segment,
  type TokenIndex,
  type TokenRuleVersion,
} from '../../../attribution/api.ts';
import { oracleCredits, uniqueRecords, words } from '../../unit/attribution/oracle.ts';
import { createDraw, type Draw, type TokenCase } from './corpora.ts';

const VERSIONS: readonly TokenRuleVersion[] = [1, 2, 3];

/** The records' tokens, without an index. */
interface Plain {
  readonly records: readonly CorpusRecord[];
  readonly texts: readonly (readonly string[])[];
}

/** @throws AssertionError that names what differs. */
export function checkTokenCase(test: TokenCase): void {
  const draw = createDraw(test.seed ^ 0x5eed);
  const all = test.batches.flat();
  const records = uniqueRecords(all);
  const plain: Plain = { records, texts: records.map(({ bytes }) => wordsOrNone(bytes)) };
  const one = buildTokenIndex(createCorpus(all));
  const segments = segmentsOf(test, draw);
  const bytesByKey = new Map(all.map((record) => [record.orderKey, record.bytes]));
  const many = openTokenIndex(segments, (record) => bytesByKey.get(record.orderKey)!);

  for (const index of [one, many]) {
    checkTotals(index, plain, all.length);
    checkPhrases(index, plain, test.output);
    checkSpans(index, plain, test.output);
  }
  checkFollowers(one, many, plain, draw);
  checkAttribution(test, one, many, records);
  const said = [one, many].map((index) => {
    const seed = Uint8Array.of(test.seed & 255);
    const { text, tokens, positions } = continueText({ index, prompt: test.prompt, seed, maxTokens: 12 });
    return { text, tokens, places: positions.map((position) => index.placeOf(position)) };
  });
  assert.deepEqual(said[1], said[0], 'continuations differ');
}

/** A segment a batch; then neighbours are merged, all are written out and read again. */
function segmentsOf(test: TokenCase, draw: Draw): Segment[] {
  const parts = test.batches.map((batch) => ({
    records: [...batch],
    segment: buildSegment(createCorpus(batch)),
  }));
  for (let merges = draw(parts.length); merges > 0; merges--) {
    const at = draw(parts.length - 1);
    const [a, b] = parts.splice(at, 2);
    const records = [...a!.records, ...b!.records];
    const segment = mergeSegments([a!.segment, b!.segment]);
    const fresh = buildSegment(createCorpus(records));
    assert.deepEqual(segment.views.image, fresh.views.image, 'a merged segment differs from a fresh one');
    parts.splice(at, 0, { records, segment });
  }
  return parts.map(({ segment }) => new Segment(segment.views.image.slice()));
}

function checkTotals(index: TokenIndex, { records, texts }: Plain, pinned: number): void {
  const tokens = texts.flat();
  assert.equal(index.recordCount, records.length, 'records');
  assert.equal(index.duplicates, pinned - records.length, 'duplicates');
  assert.equal(index.totalTokens, tokens.length, 'tokens');
  assert.equal(index.types, new Set(tokens).size, 'types');
  assert.equal(
    index.unreadableRecords,
    records.filter(({ bytes }) => !isReadable(bytes)).length,
    'unreadable',
  );
  records.forEach((record, rank) => {
    const { bytes, ...info } = record;
    assert.deepEqual(index.record(rank), info, `record ${rank}`);
    assert.deepEqual(index.bytesOf(rank), bytes, `bytes of record ${rank}`);
  });
  for (const word of new Set(tokens))
    assert.equal(index.countOf(idOf(index, word)), tokens.filter((other) => other === word).length, word);
}

/** Every phrase of the answer: occurrences, and the first in the record of lowest order key with its byte. */
function checkPhrases(index: TokenIndex, plain: Plain, output: Uint8Array): void {
  const y = words(output);
  const cursor = index.cursor();
  for (let start = 0; start < y.length; start++) {
    cursor.reset();
    for (let end = start + 1; end <= y.length; end++) {
      const found = occurrences(plain, y.slice(start, end));
      assert.equal(
        cursor.extend(idOf(index, y[end - 1]!)),
        found.length > 0,
        `${y.slice(start, end)} occurs`,
      );
      if (found.length === 0) break;
      const [first] = found;
      const position = cursor.earliest();
      assert.equal(cursor.count, found.length, `count of ${y.slice(start, end)}`);
      assert.deepEqual(index.placeOf(position), first, `first place of ${y.slice(start, end)}`);
      const tokens = lex(plain.records[first!.record]!.bytes);
      assert.equal(index.byteOffsetOf(position), tokens.starts[first!.token], 'byte of the first place');
    }
  }
}

function checkSpans(index: TokenIndex, plain: Plain, output: Uint8Array): void {
  const y = words(output);
  const expected: object[] = [];
  let reached = 0;
  for (let start = 0; start < y.length; start++) {
    let end = start;
    while (end < y.length && occurrences(plain, y.slice(start, end + 1)).length > 0) end++;
    if (end <= reached) continue;
    reached = end;
    const found = occurrences(plain, y.slice(start, end));
    if (end - start >= 2) expected.push({ start, end, count: found.length, record: found[0]!.record });
  }
  const spans = maximalSpans(index, output, 2).map(({ startToken, endToken, count, record }) => ({
    start: startToken,
    end: endToken,
    count,
    record,
  }));
  assert.deepEqual(spans, expected, 'maximal spans');
}

/** The followers of some phrases in the order of docs/attribution.md, section 8. */
function checkFollowers(one: TokenIndex, many: TokenIndex, plain: Plain, draw: Draw): void {
  const text = plain.texts[draw(plain.texts.length)] ?? [];
  const from = draw(text.length + 1);
  for (const phrase of [[], text.slice(from, from + 1), text.slice(from, from + 3)]) {
    const places = occurrences(plain, phrase)
      .map(({ record, token }) => ({ record, token: token + phrase.length }))
      .filter(({ record, token }) => token < plain.texts[record]!.length)
      .sort((a, b) => compareSuffixes(plain, a, b));
    for (const index of [one, many]) {
      const cursor = index.cursor();
      for (const word of phrase) cursor.extend(idOf(index, word));
      const followers = index.followers(cursor);
      assert.equal(followers.count, places.length, `followers of ${phrase}`);
      assert.equal(
        followers.inSeveralRecords,
        new Set(places.map(({ record }) => record)).size > 1,
        'in several',
      );
      assert.deepEqual(
        places.map((_, i) => index.placeOf(followers.position(i))),
        places,
        `order of the followers of ${phrase}`,
      );
    }
  }
}

function checkAttribution(test: TokenCase, one: TokenIndex, many: TokenIndex, records: CorpusRecord[]): void {
  const input = {
    commons: new Set(test.seed % 3 === 0 ? [3] : []),
    ineligible: new Set(test.seed % 5 === 0 ? [`0x${'1'.padStart(40, '0')}`] : []),
    output: test.output,
    prompt: test.prompt,
    params: {
      ...DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
      version: VERSIONS[test.seed % VERSIONS.length]!,
      lmin: 2 + (test.seed % 2),
      // Every length from a window's on, and more than an answer has.
      lmax: 3 + (test.seed % 11) ** 2,
      sminQ16: 0,
      coverageCapPermille: test.seed % 7 === 0 ? 600 : 1000,
      recordCapPermille: 600,
    },
  };
  const credited = attributeTokens({ ...input, index: one });
  assert.deepEqual(attributeTokens({ ...input, index: many }), credited, 'attribution differs');
  const expected = oracleCredits({ ...input, records: records.filter(({ bytes }) => isReadable(bytes)) });
  assert.deepEqual(
    new Map(credited.credits.map(({ contributor, credit }) => [contributor, credit])),
    expected.credits,
    'credits differ from brute force',
  );
  assert.equal(credited.uncovered, expected.uncovered, 'uncovered');
}

/** In order-key order, then by place. The empty phrase stands before every token. */
function occurrences({ texts }: Plain, phrase: readonly string[]): { record: number; token: number }[] {
  return texts.flatMap((text, record) =>
    text.flatMap((_, token) =>
      phrase.every((word, k) => text[token + k] === word) ? [{ record, token }] : [],
    ),
  );
}

/** Tokens by their bytes, the end of a record first, of two ends that of the earlier record. */
function compareSuffixes({ texts }: Plain, a: Place, b: Place): number {
  const left = texts[a.record]!.slice(a.token);
  const right = texts[b.record]!.slice(b.token);
  for (let i = 0; i < left.length && i < right.length; i++)
    if (left[i] !== right[i]) return Buffer.compare(Buffer.from(left[i]!), Buffer.from(right[i]!));
  return left.length - right.length || a.record - b.record;
}

interface Place {
  readonly record: number;
  readonly token: number;
}

function idOf(index: TokenIndex, word: string): number {
  const bytes = new TextEncoder().encode(word);
  return index.tokenId(bytes, 0, bytes.length);
}

function isReadable(bytes: Uint8Array): boolean {
  try {
    lex(bytes);
    return true;
  } catch {
    return false;
  }
}

function wordsOrNone(bytes: Uint8Array): string[] {
  return isReadable(bytes) ? words(bytes) : [];
}
