import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clusterRepresentatives, createClusterBook } from '../../../../attribution/clusters/api.ts';
import { areNearDuplicates } from '../../../../attribution/clusters/book.ts';
import { MAX_CANDIDATES } from '../../../../attribution/clusters/limits.ts';
import { bandKeys } from '../../../../attribution/clusters/min-hash.ts';
import { shinglesOf } from '../../../../attribution/clusters/shingles.ts';
import type { Placement } from '../../../../attribution/clusters/types.ts';
import { utf8 } from '../builders.ts';
import {
  type OracleRecord,
  oracleBandKeys,
  oracleJaccardReaches,
  oraclePlacements,
  oracleShingles,
} from './oracle.ts';

const words = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `w${from + i}`);
const text = (from: number, to: number): string => words(from, to).join(' ');

/** Placements of texts approved in this order; order keys are places in the list unless told otherwise. */
function place(texts: readonly string[], keys = texts.map((_, i) => i)): Placement[] {
  const book = createClusterBook();
  return texts.map((each, i) => book.add({ orderKey: keys[i]!, text: utf8(each) }));
}

const foundersOf = (placements: readonly Placement[]): number[] =>
  placements.map((placement) => (placement.kind === 'crowded' ? -1 : placement.founder));

describe('D1: star clusters of near duplicates', () => {
  it('join a record to the founder that it hardly differs from, whatever its marks and capitals', () => {
    const original = text(0, 60);
    const changed = words(0, 60)
      .map((word, i) => (i === 59 ? 'other' : i % 7 === 0 ? `${word.toUpperCase()},` : word))
      .join(' ');
    expect(foundersOf(place([original, changed, text(100, 160)]))).toEqual([0, 0, 2]);
  });

  it('join at exactly 8/10 and not below it', () => {
    // 36 and 36 shingles, 32 shared: 32/40 is the bar. With 31 shared it is 31/41.
    const sharing = (count: number) => `${text(36 - count, 40)} ${text(900, 900 + 36 - count)}`;
    const original = shinglesOf(utf8(text(0, 40)));
    expect(areNearDuplicates(original, shinglesOf(utf8(sharing(32))))).toBe(true);
    expect(areNearDuplicates(original, shinglesOf(utf8(sharing(31))))).toBe(false);
  });

  it('join the founder of lowest order key, also one that was approved later', () => {
    // The middle text is like both ends; the ends are not like each other.
    const [left, middle, right] = [text(0, 100), text(8, 108), text(16, 116)];
    expect(oracleJaccardReaches(oracleShingles(left), oracleShingles(middle))).toBe(true);
    expect(oracleJaccardReaches(oracleShingles(left), oracleShingles(right))).toBe(false);
    expect(foundersOf(place([left, right, middle], [7, 3, 9]))).toEqual([7, 3, 3]);
    expect(foundersOf(place([left, right, middle], [7, 30, 9]))).toEqual([7, 30, 7]);
  });

  it('never move: a founder committed earlier but approved later takes nobody over', () => {
    expect(foundersOf(place([text(0, 60), text(0, 60), text(0, 61)], [50, 60, 2]))).toEqual([50, 50, 50]);
  });

  it('are not joined by six bridge records between two disjoint ones', () => {
    // Each is like the next one (84 of 100 shingles of their union at least), so single linkage would make one cluster.
    const chain = Array.from({ length: 14 }, (_, i) => text(i * 8, i * 8 + 100));
    for (let i = 1; i < chain.length; i++)
      expect(oracleJaccardReaches(oracleShingles(chain[i - 1]!), oracleShingles(chain[i]!))).toBe(true);
    const [first, last] = [oracleShingles(chain[0]!), oracleShingles(chain[13]!)];
    expect([...first].filter((shingle) => last.has(shingle))).toEqual([]);
    const order = [0, 13, ...Array.from({ length: 12 }, (_, i) => i + 1)];
    const founders = foundersOf(place(order.map((i) => chain[i]!)));
    expect(founders[0]).toBe(0);
    expect(founders[1]).toBe(1);
    // Whoever joined a cluster is like its founder: no bridge carries anybody further.
    order.forEach((record, i) => {
      const founder = chain[order[founders[i]!]!]!;
      expect(oracleJaccardReaches(oracleShingles(chain[record]!), oracleShingles(founder))).toBe(true);
    });
  });

  it('are not joined by six bridges that swap a sixth of the words each', () => {
    const [start, end] = [words(0, 120), words(500, 620)];
    const mixed = Array.from({ length: 6 }, (_, i) => [
      ...end.slice(0, 20 * (i + 1)),
      ...start.slice(20 * (i + 1)),
    ]);
    const texts = [start, end, ...mixed].map((each) => each.join(' '));
    const placements = foundersOf(place(texts));
    expect(placements.slice(0, 2)).toEqual([0, 1]);
  });

  it('take short records whole: equal words are one cluster, others are not', () => {
    const placements = place([
      'yes',
      'Yes!',
      'no',
      'a b c d',
      'a b c d e',
      'a b c d e',
      '',
      '',
      '...',
      '...',
    ]);
    expect(foundersOf(placements)).toEqual([0, 0, 2, 3, 4, 4, 6, 7, 8, 9]);
  });

  it('see in one repeated word nothing but that word', () => {
    expect(foundersOf(place(['echo '.repeat(5), 'echo '.repeat(5000), 'echo '.repeat(4)]))).toEqual([
      0, 0, 2,
    ]);
  });

  it('refuse what is not UTF-8 and a founder that comes twice, and stay as they were', () => {
    const book = createClusterBook();
    book.add({ orderKey: 4, text: utf8(text(0, 50)) });
    const codeOf = (act: () => unknown): unknown => {
      try {
        return act();
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(codeOf(() => book.add({ orderKey: 5, text: Uint8Array.of(0x61, 0xff) }))).toBe('InvalidUtf8');
    expect(codeOf(() => book.add({ orderKey: 4, text: utf8(text(0, 50)) }))).toBe('DuplicateOrderKey');
    expect(codeOf(() => book.add({ orderKey: -1, text: utf8('a') }))).toBe('InvalidParameter');
    expect([book.clusters, book.shingles]).toEqual([1, 46]);
  });

  it('refuse a record that shares its bands with more founders than may be compared', () => {
    // Forty shingles that all share against six of their own: 40/52 is below the bar, yet most pairs share a band.
    const common = text(0, 44);
    const crowd = (i: number) => ({
      orderKey: i,
      text: utf8(`${common} ${text(10_000 + i * 10, 10_006 + i * 10)}`),
    });
    const book = createClusterBook();
    for (let i = 0; i < MAX_CANDIDATES; i++) book.restoreFounder(crowd(i));
    expect(book.add(crowd(200_000)).kind).toBe('founded');
    for (let i = MAX_CANDIDATES; i < MAX_CANDIDATES * 1.5; i++) book.restoreFounder(crowd(i));
    expect(book.add(crowd(100_000)).kind).toBe('crowded');
    expect(book.add({ orderKey: 1_000_000, text: utf8(text(50, 110)) }).kind).toBe('founded');
  });

  it('take 5 MiB of one character and thousands of tiny records', () => {
    const book = createClusterBook();
    expect(book.add({ orderKey: 0, text: new Uint8Array(5 * 1024 * 1024).fill(0x61) }).kind).toBe('founded');
    for (let i = 1; i <= 5_000; i++) book.add({ orderKey: i, text: utf8(`r${i}`) });
    expect([book.clusters, book.shingles]).toEqual([5_001, 5_001]);
  });
});

describe('clusters against brute force', () => {
  it('hash and band as the specification says', () => {
    for (const each of ['', 'one', 'One two, three four', text(0, 30), 'é 東京 a.b 東京 c d e f'])
      expect([...bandsOf(each)]).toEqual(
        oracleShingles(each).size === 0 ? [] : oracleBandKeys(oracleShingles(each)).map(Number),
      );
  });

  it('freeze the band keys of one text', () => {
    expect([...bandsOf('The quick brown fox jumps over the lazy dog.')]).toEqual(FROZEN_BAND_KEYS);
  });

  /** Edits of a few base texts, approved in any order under any order keys. */
  const scene = fc
    .record({
      edits: fc.array(
        fc.record({
          base: fc.integer({ min: 0, max: 2 }),
          drop: fc.integer({ min: 0, max: 10 }),
          take: fc.integer({ min: 0, max: 60 }),
          swaps: fc.array(fc.tuple(fc.nat(59), fc.nat(3)), { maxLength: 2 }),
        }),
        { minLength: 1, maxLength: 14 },
      ),
      keySeed: fc.infiniteStream(fc.nat(1_000_000)),
    })
    .map(({ edits, keySeed }): OracleRecord[] => {
      const keys = new Set<number>();
      for (const key of keySeed) if (keys.add(key).size === edits.length) break;
      const list = [...keys];
      return edits.map(({ base, drop, take, swaps }, i) => {
        const edited = words(base * 1000, base * 1000 + 60);
        for (const [at, word] of swaps) edited[at] = `x${word}`;
        return { orderKey: list[i]!, text: edited.slice(drop, drop + take).join(' ') };
      });
    });

  it('put every record where brute force puts it', () => {
    fc.assert(
      fc.property(scene, (records) => {
        const book = createClusterBook();
        const placements = records.map(({ orderKey, text: each }) =>
          book.add({ orderKey, text: utf8(each) }),
        );
        expect(placements).toEqual(oraclePlacements(records));
      }),
      { numRuns: 150 },
    );
  });

  it('keep every member like its founder, and go on alike after a restart', () => {
    fc.assert(
      fc.property(scene, fc.nat(13), (records, cut) => {
        const book = createClusterBook();
        const placements = records.map(({ orderKey, text: each }) =>
          book.add({ orderKey, text: utf8(each) }),
        );
        const textOf = new Map(records.map((record) => [record.orderKey, record.text]));
        placements.forEach((placement, i) => {
          if (placement.kind === 'joined')
            expect(
              oracleJaccardReaches(
                oracleShingles(records[i]!.text),
                oracleShingles(textOf.get(placement.founder)!),
              ),
            ).toBe(true);
        });
        const restarted = createClusterBook();
        const earlier = records.slice(0, cut).filter((_, i) => placements[i]!.kind === 'founded');
        for (const { orderKey, text: each } of earlier.reverse())
          restarted.restoreFounder({ orderKey, text: utf8(each) });
        const rest = records
          .slice(cut)
          .map(({ orderKey, text: each }) => restarted.add({ orderKey, text: utf8(each) }));
        expect(rest).toEqual(placements.slice(cut));
      }),
      { numRuns: 80 },
    );
  });
});

describe('who stands for a cluster', () => {
  it('is the member that was committed first, though a copy was approved before it', () => {
    const members = [
      { orderKey: 90, founder: 90, by: 'copier' },
      { orderKey: 40, founder: 90, by: 'author' },
      { orderKey: 95, founder: 90, by: 'later' },
      { orderKey: 7, founder: 7, by: 'else' },
    ];
    const paid = [...clusterRepresentatives(members)].map(([founder, { by }]) => [founder, by]);
    expect(paid).toEqual([
      [90, 'author'],
      [7, 'else'],
    ]);
  });
});

function bandsOf(each: string): Uint32Array {
  const shingles = shinglesOf(utf8(each));
  return shingles.length === 0 ? new Uint32Array(0) : bandKeys(shingles);
}

const FROZEN_BAND_KEYS = [
  1499212100, 2011844774, 3244952802, 819134251, 3384924410, 201270036, 2625706932, 3248119339, 3566869724,
  911469824, 2248238466, 3099851151, 4003688853, 117004000, 3225132901, 1959087015,
];
