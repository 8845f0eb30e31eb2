import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClusterBook, measureNovelty, type Novelty } from '../../../../attribution/clusters/api.ts';
import { createCorpus } from '../../../../attribution/corpus/corpus.ts';
import { buildTokenIndex } from '../../../../attribution/index/token-index.ts';
import { recordsOf, utf8 } from '../builders.ts';
import { stands } from '../oracle.ts';

const text = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `w${from + i}`).join(' ');

/** Earlier records are in the book and in the index; the offered ones come after them. */
function novelty(earlier: readonly string[], offered: readonly string[], window = 4): Novelty {
  const book = createClusterBook();
  for (const [i, each] of earlier.entries()) book.add({ orderKey: i, text: utf8(each) });
  const seen = new Set(earlier);
  return measureNovelty({
    book,
    earlier: buildTokenIndex(createCorpus(recordsOf(earlier))),
    window,
    records: offered.map((each, i) => {
      const isDuplicate = seen.has(each);
      seen.add(each);
      return { orderKey: 1000 + i, text: utf8(each), isDuplicate };
    }),
  });
}

describe('novelty of a contribution', () => {
  it('leaves out exact copies, near duplicates and quotations', () => {
    const result = novelty(
      [text(0, 100)],
      [text(0, 100), text(0, 101), text(500, 600), `${text(600, 650)} ${text(20, 50)}`, text(500, 600)],
    );
    expect(result.placements.map(({ kind }) => kind)).toEqual([
      'duplicate',
      'joined',
      'founded',
      'founded',
      'duplicate',
    ]);
    expect(result).toMatchObject({
      records: 5,
      newRecords: 2,
      tokens: 481,
      newTokens: 180,
      unquotedTokens: 150,
    });
  });

  it('is nothing for nothing, and everything for the first text of a chain', () => {
    expect(novelty([], [])).toMatchObject({ records: 0, newRecords: 0, tokens: 0, unquotedTokens: 0 });
    expect(novelty([], [text(0, 30)])).toMatchObject({ newRecords: 1, newTokens: 30, unquotedTokens: 30 });
  });

  it('counts quoted tokens as brute force does', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 4 }),
        letters,
        fc.integer({ min: 1, max: 5 }),
        (earlier, y, window) => {
          const quoted = y.map(() => false);
          for (let s = 0; s + window <= y.length; s++)
            if (earlier.some((record) => stands(y.slice(s, s + window), record)))
              quoted.fill(true, s, s + window);
          const result = novelty(
            earlier.map((record) => record.join(' ')),
            [`${y.join(' ')} zz`],
            window,
          );
          const expected = result.newRecords === 0 ? 0 : y.length + 1 - quoted.filter(Boolean).length;
          expect(result.unquotedTokens).toBe(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('refuses a window out of range', () => {
    expect(() => novelty([], ['a'], 0)).toThrow('window of novelty');
    expect(() => novelty([], ['a'], 65)).toThrow('window of novelty');
  });
});
