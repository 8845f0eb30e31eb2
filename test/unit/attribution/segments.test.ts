import { describe, expect, it } from 'vitest';
import { createCorpus } from '../../../attribution/corpus/corpus.ts';
import { buildSegment } from '../../../attribution/index/build-segment.ts';
import { scheduleSegments } from '../../../attribution/index/schedule.ts';
import { Segment } from '../../../attribution/index/segment.ts';
import { segmentBytes } from '../../../attribution/index/segment-layout.ts';
import { openTokenIndex } from '../../../attribution/index/token-index.ts';
import { createWordFinder } from '../../../attribution/index/word-list.ts';
import { SEGMENT_UNIT_BYTES, SEGMENT_UNITS_PER_BLOCK } from '../../../attribution/limits.ts';
import { checkTokenCase } from '../../conformance/tokens/check.ts';
import { createDraw, tokenCase } from '../../conformance/tokens/corpora.ts';
import { recordsOf, utf8 } from './builders.ts';

describe('one segment, many segments and brute force', () => {
  it('say the same of random and adversarial corpora', () => {
    // Other corpora at each run; npm run conformance:tokens has 10,000, and replays a seed.
    const first = Math.floor(Math.random() * 2 ** 30);
    for (let seed = first; seed < first + 270; seed++) {
      const test = tokenCase(seed);
      try {
        checkTokenCase(test);
      } catch (error) {
        throw new Error(`npm run conformance:tokens -- --seed ${seed} --cases 1 (${test.kind})`, {
          cause: error,
        });
      }
    }
  });

  it('count a text once that a later batch committed earlier, and credit the earlier one', () => {
    const batches = [
      recordsOf([
        { text: 'one two three', key: 5, by: 1 },
        { text: 'two three four', key: 6 },
      ]),
      recordsOf([
        { text: 'one two three', key: 2, by: 2 },
        { text: 'three', key: 9 },
      ]),
    ];
    const index = openTokenIndex(
      batches.map((batch) => buildSegment(createCorpus(batch))),
      () => utf8(''),
    );
    expect([index.recordCount, index.duplicates, index.totalTokens]).toEqual([3, 1, 7]);
    const cursor = index.cursor();
    for (const word of ['two', 'three']) cursor.extend(index.tokenId(utf8(word), 0, word.length));
    expect(cursor.count).toBe(2);
    expect(index.record(index.recordOf(cursor.earliest()))).toMatchObject({
      orderKey: 2,
      contributor: `0x${'2'.padStart(40, '0')}`,
    });
  });

  it('forget where a phrase was first when the record ends there and its segment lacks the next token', () => {
    const batches = [
      recordsOf([{ text: 'one two', key: 1 }]),
      recordsOf([{ text: 'three two four', key: 2 }]),
    ];
    const index = openTokenIndex(
      batches.map((batch) => buildSegment(createCorpus(batch))),
      () => utf8(''),
    );
    const cursor = index.cursor();
    cursor.extend(index.tokenId(utf8('two'), 0, 3));
    expect(index.recordOf(cursor.earliest())).toBe(0);
    cursor.extend(index.tokenId(utf8('four'), 0, 4));
    expect(index.recordOf(cursor.earliest())).toBe(1);
  });

  it('refuse two different records of one order key', () => {
    const segments = ['a', 'b'].map((text) => buildSegment(createCorpus(recordsOf([{ text, key: 7 }]))));
    expect(() => openTokenIndex(segments, () => utf8(''))).toThrow(
      expect.objectContaining({ code: 'DuplicateOrderKey' }),
    );
  });
});

describe('a segment', () => {
  const wordsOf = (types: number, tokens: number): string[] => {
    const draw = createDraw(types);
    const all = Array.from({ length: types }, (_, i) => `w${i.toString(36)}`);
    while (all.length < tokens) all.push(all[draw(types)]!);
    return Array.from({ length: Math.ceil(all.length / 100) }, (_, i) =>
      all.slice(i * 100, i * 100 + 100).join(' '),
    );
  };

  it.each([
    ['2-byte positions and 16-bit symbols', 500, 2_000, 2, 0],
    ['3-byte positions and 17-bit symbols', 66_000, 70_000, 3, 1],
    ['18-bit symbols', 140_000, 140_000, 3, 2],
    ['20-bit symbols', 270_000, 270_000, 3, 4],
  ])('finds every word with %s', (_, types, tokens, positionBytes, highBits) => {
    const texts = wordsOf(types, tokens);
    const corpus = createCorpus(recordsOf(texts));
    const segment = buildSegment(corpus);
    expect([segment.views.positionBytes, segment.views.highBits]).toEqual([positionBytes, highBits]);
    const index = openTokenIndex([segment], (_record, rank) => corpus.records[rank]!.bytes);
    expect([index.types, index.totalTokens]).toEqual([types, tokens]);
    const wrong: string[] = [];
    const cursor = index.cursor();
    for (let rank = 0; rank < corpus.records.length; rank += 7) {
      const text = texts[rank]!.split(' ');
      cursor.reset();
      for (const word of text.slice(1, 6))
        if (!cursor.extend(index.tokenId(utf8(word), 0, word.length))) wrong.push(word);
      if (cursor.count === 1) {
        const place = index.placeOf(cursor.earliest());
        if (place.record !== rank || place.token !== 1) wrong.push(`record ${rank}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('is the same bytes whenever it is built, and a part of each byte has a name', () => {
    const corpus = () => createCorpus(recordsOf(['b a', 'a\n\n\n  b', { text: 'é', key: 1 << 20 }]));
    const { image } = buildSegment(corpus()).views;
    expect(buildSegment(corpus()).views.image).toEqual(image);
    const named = Object.values(segmentBytes(new Segment(image.slice()).views)).reduce((a, b) => a + b, 0);
    expect(image.length - named).toBeLessThan(64 + 8 * 30);
  });

  it('refuses bytes that are not the image of one', () => {
    const { image } = buildSegment(createCorpus(recordsOf(['some words here']))).views;
    for (const wrong of [
      new Uint8Array(0),
      image.slice(0, 63),
      image.slice(0, -8),
      new Uint8Array(image.length),
    ])
      expect(() => new Segment(wrong)).toThrow(expect.objectContaining({ code: 'InvalidRecord' }));
  });

  it('finds the lowest position of any range of its suffixes', () => {
    const draw = createDraw(5);
    const texts = Array.from({ length: 40 }, () =>
      Array.from({ length: draw(30) }, () => 'abc'[draw(3)]).join(' '),
    );
    const segment = buildSegment(createCorpus(recordsOf(texts)));
    const wrong: string[] = [];
    for (let low = 0; low < segment.symbols; low += 3) {
      let lowest = segment.suffix(low);
      for (let high = low + 1; high <= segment.symbols; high++) {
        lowest = Math.min(lowest, segment.suffix(high - 1));
        if (segment.lowestPosition(low, high) !== lowest) wrong.push(`${low}-${high}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('the word finder', () => {
  it('finds words that were crafted to share a slot, by bisection', () => {
    const words = Array.from({ length: 3000 }, (_, i) => `k${i.toString(36)}`).sort();
    const bytes = utf8(words.join(''));
    const starts = new Uint32Array(words.length + 1);
    words.forEach((word, i) => {
      starts[i + 1] = starts[i]! + word.length;
    });
    const { find } = createWordFinder({ words: bytes, starts });
    expect(words.filter((word, i) => find(utf8(word.toUpperCase()), 0, word.length) !== i)).toEqual([]);
    expect(['', 'k', 'zzz', 'a'].map((word) => find(utf8(word), 0, word.length))).toEqual([-1, -1, -1, -1]);
  });
});

describe('the schedule of segments', () => {
  const unit = SEGMENT_UNIT_BYTES;
  const sizesOf = (units: number) => Array.from({ length: units * 4 }, () => unit / 4);
  const inUnits = (units: number) => scheduleSegments(sizesOf(units)).map(({ from, to }) => (to - from) / 4);

  it('closes blocks, writes the rest in base 8, and leaves what fills no unit for itself', () => {
    expect(inUnits(0)).toEqual([]);
    expect(inUnits(7)).toEqual([7]);
    expect(inUnits(8)).toEqual([8]);
    expect(inUnits(83)).toEqual([64, 16, 3]);
    expect(inUnits(SEGMENT_UNITS_PER_BLOCK + 10)).toEqual([SEGMENT_UNITS_PER_BLOCK, 8, 2]);
    expect(scheduleSegments([...sizesOf(1), 5, 5])).toEqual([
      { from: 0, to: 4 },
      { from: 4, to: 6 },
    ]);
  });

  it('never cuts a contribution, covers all of them in order, and has few segments', () => {
    const draw = createDraw(11);
    for (let turn = 0; turn < 50; turn++) {
      const sizes = Array.from({ length: draw(400) }, () => draw(draw(2) === 0 ? unit / 8 : 20 * unit));
      const ranges = scheduleSegments(sizes);
      const total = sizes.reduce((sum, size) => sum + size, 0);
      expect(ranges.length).toBeLessThanOrEqual(Math.floor(total / unit / SEGMENT_UNITS_PER_BLOCK) + 4);
      expect(ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i))).toEqual(
        [...sizes.keys()],
      );
    }
  });

  it('sorts a token about ten times in its life, whatever the chain has grown to', () => {
    let sorted = 0;
    const grown = 400;
    const seen = new Set<string>();
    for (let units = 1; units <= grown; units++)
      for (const { from, to } of scheduleSegments(sizesOf(units))) {
        if (!seen.has(`${from}-${to}`)) sorted += (to - from) / 4;
        seen.add(`${from}-${to}`);
      }
    expect(sorted / grown).toBeLessThan(11);
  });
});
