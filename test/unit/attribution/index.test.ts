import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCorpus, packOrderKey } from '../../../attribution/corpus/corpus.ts';
import { suffixArray } from '../../../attribution/index/suffix-array.ts';
import { suffixArrayReference } from '../../../attribution/index/suffix-array-reference.ts';
import { buildTokenIndex, type TokenIndex } from '../../../attribution/index/token-index.ts';
import { Vocabulary } from '../../../attribution/index/vocabulary.ts';
import { recordsOf, utf8 } from './builders.ts';
import { stands, words } from './oracle.ts';

function bySorting(text: Int32Array): number[] {
  const compare = (i: number, j: number): number => {
    for (let k = 0; ; k++) {
      if (i + k >= text.length || j + k >= text.length) return j - i;
      if (text[i + k] !== text[j + k]) return text[i + k]! - text[j + k]!;
    }
  };
  return Array.from(text.keys()).sort(compare);
}

const fibonacci = (length: number): number[] => {
  let [a, b] = [[0], [0, 1]];
  while (b.length < length) [a, b] = [b, [...b, ...a]];
  return b.slice(0, length);
};

describe('the suffix array', () => {
  it.each([
    ['nothing', []],
    ['one symbol', [3]],
    ['all equal', Array(200).fill(1)],
    ['a period of two', Array.from({ length: 201 }, (_, i) => i % 2)],
    ['a period of three, falling', Array.from({ length: 200 }, (_, i) => 2 - (i % 3))],
    ['Fibonacci', fibonacci(500)],
    ['rising', Array.from({ length: 50 }, (_, i) => i)],
    ['falling', Array.from({ length: 50 }, (_, i) => 49 - i)],
    ['mississippi', [...'mississippi'].map((c) => c.charCodeAt(0) - 97)],
  ])('is right for %s', (_, symbols) => {
    const text = Int32Array.from(symbols);
    expect([...suffixArray(text, 256)]).toEqual(bySorting(text));
    expect([...suffixArrayReference(text, 256)]).toEqual(bySorting(text));
  });

  it('is right for any text', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.nat(5), { maxLength: 120 }),
        (alphabet, list) => {
          const text = Int32Array.from(list, (symbol) => symbol % alphabet);
          expect([...suffixArray(text, alphabet)]).toEqual(bySorting(text));
          expect([...suffixArrayReference(text, alphabet)]).toEqual(bySorting(text));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('is the same in WebAssembly and in plain TypeScript for long texts, beyond the memory that is kept', () => {
    let state = 7;
    const draw = (limit: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
    const texts: [string, Int32Array, number][] = [
      ['all equal', new Int32Array(150_000).fill(2), 3],
      ['Fibonacci', Int32Array.from(fibonacci(150_000)), 2],
      ['two letters', Int32Array.from({ length: 150_000 }, () => draw(2)), 2],
      ['words', Int32Array.from({ length: 150_000 }, () => Math.floor(5000 / (1 + draw(5000)))), 5001],
      [
        'records with ends of their own',
        Int32Array.from({ length: 150_000 }, (_, i) => (i % 50 === 49 ? (i / 50) | 0 : 3000 + draw(3))),
        3003,
      ],
    ];
    for (const [name, text, alphabet] of texts) {
      const [fast, plain] = [suffixArray(text, alphabet), suffixArrayReference(text, alphabet)];
      expect(
        fast.findIndex((start, i) => start !== plain[i]),
        name,
      ).toBe(-1);
    }
  });

  it('refuses symbols outside the alphabet, which would write outside its tables', () => {
    for (const text of [[0, 1, 2], [-1], [2 ** 30]])
      expect(() => suffixArray(Int32Array.from(text), 2)).toThrow(
        expect.objectContaining({ code: 'InvalidParameter' }),
      );
  });
});

describe('the vocabulary', () => {
  it('numbers types by first appearance, folded', () => {
    const vocabulary = new Vocabulary();
    const intern = (word: string) => vocabulary.intern(utf8(word), 0, utf8(word).length);
    expect(['The', 'cat', 'THE', 'thé', 'cat'].map(intern)).toEqual([0, 1, 0, 2, 1]);
    expect(vocabulary.find(utf8('xTHEx'), 1, 4)).toBe(0);
    expect(vocabulary.find(utf8('dog'), 0, 3)).toBe(-1);
    expect(vocabulary.bytesOf(0)).toEqual(utf8('the'));
  });

  it('keeps 50,000 words apart', () => {
    const vocabulary = new Vocabulary();
    const word = (i: number) => utf8(`w${i.toString(36)}`);
    const numbers = Array.from({ length: 50_000 }, (_, i) => i);
    expect(numbers.filter((i) => vocabulary.intern(word(i), 0, word(i).length) !== i)).toEqual([]);
    expect(numbers.filter((i) => vocabulary.find(word(i), 0, word(i).length) !== i)).toEqual([]);
  });

  it('keeps words apart that were crafted to share one hash', () => {
    // Pairs of blocks that lead the hash from one state to one other state: any choice of blocks gives one hash.
    const after = (start: number, word: number[]) =>
      word.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), start);
    const blocks: [number[], number[]][] = [];
    for (let state = 0x811c9dc5 | 0, draw = 0; blocks.length < 7; ) {
      const seen = new Map<number, number[]>();
      for (let found = false; !found; draw = (Math.imul(draw, 1_664_525) + 1_013_904_223) | 0) {
        const block = Array.from({ length: 7 }, (_, i) => 0x61 + ((draw >>> (4 * i)) & 15));
        const end = after(state, block);
        const other = seen.get(end);
        if (other && other.join() !== block.join()) {
          blocks.push([other, block]);
          state = end;
          found = true;
        }
        seen.set(end, block);
      }
    }
    const crafted = Array.from({ length: 128 }, (_, i) =>
      Uint8Array.from(blocks.flatMap((pair, k) => pair[(i >> k) & 1]!)),
    );
    const vocabulary = new Vocabulary();
    expect(crafted.map((word) => vocabulary.intern(word, 0, word.length))).toEqual(crafted.map((_, i) => i));
    for (let i = 0; i < 5000; i++) vocabulary.intern(utf8(`x${i}`), 0, utf8(`x${i}`).length);
    expect(crafted.map((word) => vocabulary.find(word, 0, word.length))).toEqual(crafted.map((_, i) => i));
  });
});

const idsOf = (index: TokenIndex, text: string): number[] =>
  words(utf8(text)).map((word) => index.tokenId(utf8(word), 0, utf8(word).length));

function find(index: TokenIndex, text: string): { count: number; record?: number } {
  const cursor = index.cursor();
  for (const id of idsOf(index, text)) if (!cursor.extend(id)) return { count: 0 };
  return { count: cursor.count, record: index.recordOf(cursor.earliest()) };
}

describe('the token index', () => {
  const index = buildTokenIndex(
    createCorpus(
      recordsOf(['the cat sat. the cat', { text: 'sat on the mat', key: 9 }, { text: 'the cat', key: 5 }]),
    ),
  );

  it('counts phrases and never crosses from one record into the next', () => {
    expect(find(index, 'the cat')).toEqual({ count: 3, record: 0 });
    expect(find(index, 'cat sat')).toEqual({ count: 1, record: 0 });
    expect(find(index, 'the cat sat on')).toEqual({ count: 0 });
    expect(find(index, 'cat the')).toEqual({ count: 0 });
    expect(find(index, 'on the mat')).toEqual({ count: 1, record: 2 });
    expect(index.totalTokens).toBe(12);
    expect(index.types).toBe(6);
  });

  it('keeps records in order-key order, whatever order they came in', () => {
    expect(Array.from({ length: index.recordCount }, (_, rank) => index.record(rank).orderKey)).toEqual([
      0, 5, 9,
    ]);
  });

  it('knows where a phrase stands in its record', () => {
    const cursor = index.cursor();
    for (const id of idsOf(index, 'on the')) cursor.extend(id);
    expect(index.placeOf(cursor.earliest())).toEqual({ record: 2, token: 1 });
    expect(index.byteOffsetOf(cursor.earliest())).toBe(4);
  });

  it('stays where it was when a phrase does not go on', () => {
    const cursor = index.cursor();
    const [the, cat, mat] = idsOf(index, 'the cat mat') as [number, number, number];
    expect([cursor.extend(the), cursor.extend(-1), cursor.extend(cat), cursor.extend(mat)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect([cursor.depth, cursor.count]).toEqual([2, 3]);
  });

  it('gives the same counts and earliest records as a plain search', () => {
    const word = fc.constantFrom('a', 'b', 'c', ',');
    const text = fc.array(word, { maxLength: 30 }).map((list) => list.join(' '));
    fc.assert(
      fc.property(
        fc.array(text, { maxLength: 30 }),
        fc.array(word, { minLength: 1, maxLength: 5 }),
        (texts, phrase) => {
          const drawn = createCorpus(recordsOf(texts));
          const lists = drawn.records.map((record) => words(record.bytes));
          const count = lists.reduce(
            (sum, list) => sum + list.filter((_, at) => phrase.every((w, k) => list[at + k] === w)).length,
            0,
          );
          const record = lists.findIndex((list) => stands(phrase, list));
          expect(find(buildTokenIndex(drawn), phrase.join(' '))).toEqual(
            count === 0 ? { count } : { count, record },
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('finds both ends of wide ranges, where it bisects over samples', () => {
    // 40 types, Zipf-like, so that ranges of all widths occur; 300 records of 60 tokens.
    let state = 1;
    const draw = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor(40 / (1 + ((state >>> 8) % 40)));
    };
    const lists = Array.from({ length: 300 }, () => Array.from({ length: 60 }, () => `t${draw()}`));
    const wide = buildTokenIndex(createCorpus(recordsOf(lists.map((list) => list.join(' ')))));
    const counts = new Map<string, number>();
    for (const list of lists)
      for (let length = 1; length <= 5; length++)
        for (let at = 0; at + length <= list.length; at++) {
          const phrase = list.slice(at, at + length).join(' ');
          counts.set(phrase, (counts.get(phrase) ?? 0) + 1);
        }
    for (const [phrase, count] of counts) expect(find(wide, phrase).count).toBe(count);
    for (let i = 0; i < 3000; i++) {
      const phrase = Array.from({ length: 1 + (i % 5) }, () => `t${draw()}`).join(' ');
      expect(find(wide, phrase).count).toBe(counts.get(phrase) ?? 0);
    }
  });

  it('reads on as long as no occurrence is lost, and not further', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.constantFrom('a', 'b'), { maxLength: 12 }), { maxLength: 6 }),
        (lists) => {
          const drawn = buildTokenIndex(createCorpus(recordsOf(lists.map((list) => list.join(' ')))));
          const query = Int32Array.from(idsOf(drawn, (lists[0] ?? []).join(' ')));
          const fast = drawn.cursor();
          const slow = drawn.cursor();
          for (let at = 0; at < query.length; at++) {
            fast.reset();
            slow.reset();
            if (!fast.extend(query[at]!) || !slow.extend(query[at]!)) continue;
            const { count } = slow;
            let end = at + 1;
            while (end < query.length && slow.extend(query[end]!) && slow.count === count) end++;
            expect(fast.extendAll(query, at + 1, query.length)).toBe(end - at - 1);
            expect([fast.count, fast.depth]).toEqual([count, end - at]);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('works on no records, empty records and records of white space', () => {
    for (const texts of [[], [''], ['', ' ', '\n']]) {
      const empty = buildTokenIndex(createCorpus(recordsOf(texts)));
      expect([empty.totalTokens, empty.types, find(empty, 'word').count]).toEqual([0, 0, 0]);
    }
  });

  it('counts a record that is not UTF-8 as unreadable and goes on', () => {
    const [broken, fine] = recordsOf(['x', 'good words']);
    const mixed = buildTokenIndex(createCorpus([{ ...broken!, bytes: Uint8Array.of(0xff, 0xd8) }, fine!]));
    expect([mixed.unreadableRecords, mixed.totalTokens]).toEqual([1, 2]);
    expect(find(mixed, 'good words')).toEqual({ count: 1, record: 1 });
  });
});

describe('the corpus', () => {
  it('keeps each text once, by the record of lowest order key', () => {
    const corpus = createCorpus(
      recordsOf([
        { text: 'same', key: 7, by: 1 },
        { text: 'same', key: 3, by: 2 },
        { text: 'other', key: 5 },
        { text: 'same', key: 9, by: 3 },
      ]),
    );
    expect(corpus.records.map((record) => record.orderKey)).toEqual([3, 5]);
    expect(corpus.duplicates).toBe(2);
  });

  it('accepts one record pinned by two snapshots, and refuses two records with one key', () => {
    const [record, other] = recordsOf([
      { text: 'text', key: 4 },
      { text: 'another', key: 4 },
    ]);
    expect(createCorpus([record!, { ...record! }]).records).toHaveLength(1);
    expect(() => createCorpus([record!, other!])).toThrow(
      expect.objectContaining({ code: 'DuplicateOrderKey' }),
    );
  });

  it('refuses keys and contributors that are none', () => {
    const [record] = recordsOf(['text']);
    for (const wrong of [
      { orderKey: -1 },
      { orderKey: 2 ** 53 },
      { contributor: '0xAB' },
      { contributor: '' },
    ])
      expect(() => createCorpus([{ ...record!, ...wrong }])).toThrow(
        expect.objectContaining({ code: 'InvalidParameter' }),
      );
  });

  it('packs order keys so that earlier commits come first', () => {
    expect(packOrderKey(0, 0)).toBe(0);
    expect(packOrderKey(2, 0)).toBeGreaterThan(packOrderKey(1, 65_535));
    expect(packOrderKey(2 ** 37 - 1, 65_535)).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => packOrderKey(2 ** 37, 0)).toThrow(expect.objectContaining({ code: 'InvalidParameter' }));
    expect(() => packOrderKey(1, 65_536)).toThrow(expect.objectContaining({ code: 'InvalidParameter' }));
  });
});
