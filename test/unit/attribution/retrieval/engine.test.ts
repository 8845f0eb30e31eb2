import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttributionError } from '../../../../attribution/errors.ts';
import {
  attributeHits,
  attributeRetrieval,
  createShard,
  plainScores,
  type RetrievalRecord,
  type RetrievalRules,
  representatives,
  searchShard,
} from '../../../../attribution/retrieval/api.ts';
import { MAX_DIMENSIONS } from '../../../../attribution/retrieval/limits.ts';
import { WHOLE } from '../../../../attribution/token/types.ts';
import { address } from '../builders.ts';
import { record, rules } from './builders.ts';
import { oracle } from './oracle.ts';

const NO_CAPS = {
  recordCapPermille: 1000,
  contributorCapPermille: 1000,
  coverageCapPermille: 1000,
} as const;

/** The whole way from records to credits, over shards of `size` records. */
function attribute(records: readonly RetrievalRecord[], query: Int8Array, how: RetrievalRules, size = 1e9) {
  const kept = representatives(records);
  const shards = [];
  for (let at = 0; at < kept.length; at += size)
    shards.push(createShard(kept.slice(at, at + size), query.length));
  return attributeRetrieval(shards, query, how);
}

describe('retrieval attribution', () => {
  const query = Int8Array.of(100, 0, 0);

  it('cites the records most like the query and pays by what they exceed the threshold by', () => {
    const records = [
      record(1, [100, 5, 0]),
      record(2, [0, 127, 0]),
      record(3, [50, 0, 90]),
      record(4, [26, 0, 0]),
      record(5, [25, 0, 0]),
    ];
    const result = attribute(records, query, rules(NO_CAPS));
    expect(result.citations.map((c) => [c.record.orderKey, c.score, c.weight])).toEqual([
      [1, 10_000, 7_500_000],
      [3, 5_000, 2_500_000],
      [4, 2_600, 100_000],
    ]);
    expect(result.credits).toEqual([
      { contributor: address(1), credit: 742_574_257 },
      { contributor: address(3), credit: 247_524_753 },
      { contributor: address(4), credit: 9_900_990 },
    ]);
    expect(result.coverage).toBe(WHOLE);
  });

  it('breaks ties by the lower order key, also at the end of the list', () => {
    const records = [7, 3, 9, 5].map((key) => record(key, [80, 0, 0]));
    const result = attribute(records, query, rules({ maxCitations: 2 }), 1);
    expect(result.citations.map((c) => c.record.orderKey)).toEqual([3, 5]);
  });

  it('C3: caps a record and a contributor; commons and ineligible keep their place and earn nothing', () => {
    const records = [
      record(1, [100, 0, 0], { by: 1 }),
      record(2, [100, 0, 0], { by: 1 }),
      record(3, [100, 0, 0], { by: 3, dataNetId: 9 }),
      record(4, [100, 0, 0], { by: 4 }),
      record(5, [100, 0, 0], { by: 5 }),
    ];
    const how = rules(
      { recordCapPermille: 200, contributorCapPermille: 300 },
      { commons: [9], ineligible: [4] },
    );
    const result = attribute(records, query, how);
    expect(result.credits).toEqual([
      { contributor: address(1), credit: 300_000_000 },
      { contributor: address(5), credit: 200_000_000 },
    ]);
    expect(result.uncovered).toBe(500_000_000);
  });

  it('C3: caps what all contributors have together, each cut in proportion', () => {
    // Six friends with a record each, and one with two thirds of their likeness.
    const records = [1, 2, 3, 4, 5, 6].map((key) => record(key, [100, 0, 0], { by: key }));
    records.push(record(7, [75, 0, 0], { by: 7 }));
    const how = rules({ recordCapPermille: 1000, contributorCapPermille: 1000, thresholdPermille: 250 });
    const result = attribute(records, query, how);
    expect(result.coverage).toBe(600_000_000);
    expect(result.credits.map(({ credit }) => credit)).toEqual([...Array(6).fill(90_000_000), 60_000_000]);
    expect(result.uncovered).toBe(400_000_000);
  });

  it('C4: pays nobody when nothing is above the threshold, when there is no record, and for an empty query', () => {
    for (const [records, q] of [
      [[record(1, [0, 1, 0])], query],
      [[], query],
      [[record(1, [100, 0, 0])], new Int8Array(3)],
      [[record(1, [-100, 0, 0])], query],
    ] as const) {
      const result = attribute(records, q, rules({ thresholdPermille: 0 }));
      expect(result).toMatchObject({ citations: [], credits: [], coverage: 0, uncovered: WHOLE });
    }
  });

  it('D1: credits a cluster as one, to its earliest pinned record', () => {
    const honest = [record(10, [100, 0, 0]), record(20, [60, 60, 0])];
    const before = attribute(honest, query, rules());
    const copies = Array.from({ length: 50 }, (_, i) => record(100 + i, [127, 0, 0], { by: 7, founder: 10 }));
    expect(attribute([...copies, ...honest], query, rules())).toEqual(before);
    const withoutFounder = attribute([copies[3]!, copies[1]!], query, rules());
    expect(withoutFounder.citations.map((c) => c.record.orderKey)).toEqual([101]);
    // A source that was committed before its copy and approved after it.
    const source = record(5, [90, 0, 0], { founder: 10 });
    const paid = attribute([...honest, source], query, rules()).citations.map((c) => c.record.orderKey);
    expect(paid).toEqual([5, 20]);
  });

  const vector = fc.array(fc.integer({ min: -128, max: 127 }), { minLength: 5, maxLength: 5 });
  const small = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 5, maxLength: 5 });
  const corpus = fc
    .uniqueArray(
      fc.record({
        orderKey: fc.nat(200),
        by: fc.nat(5),
        dataNetId: fc.integer({ min: 1, max: 3 }),
        founder: fc.nat(200),
        vector: fc.oneof(vector, small),
      }),
      { selector: (item) => item.orderKey, maxLength: 40 },
    )
    .map((items) => {
      // Every founder that is pinned founded its own cluster.
      const founders = new Set(items.filter((item) => item.founder % 3 === 0).map((item) => item.orderKey));
      return items.map((item) => {
        const joins = !founders.has(item.orderKey) && founders.size > 0;
        const founder = joins ? [...founders][item.founder % founders.size]! : item.orderKey;
        return record(item.orderKey, item.vector, { ...item, founder });
      });
    });
  const settings = fc
    .record({
      maxCitations: fc.integer({ min: 1, max: 12 }),
      thresholdPermille: fc.nat(1000),
      recordCapPermille: fc.integer({ min: 1, max: 1000 }),
      contributorCapPermille: fc.integer({ min: 1, max: 1000 }),
      coverageCapPermille: fc.integer({ min: 1, max: 1000 }),
    })
    .map((params) => rules(params, { commons: [3], ineligible: [2] }));
  const queries = fc.oneof(vector, small).map((numbers) => Int8Array.from(numbers));

  it('equals brute force, however records are ordered and cut into shards', () => {
    fc.assert(
      fc.property(corpus, queries, settings, fc.integer({ min: 1, max: 9 }), (records, q, how, size) => {
        const expected = oracle(records, q, how);
        const result = attribute(records, q, how, size);
        expect(
          result.citations.map(({ record, score, weight }) => ({
            orderKey: record.orderKey,
            score: BigInt(score),
            weight: BigInt(weight),
          })),
        ).toEqual(expected.citations);
        expect(result.credits.map((c) => ({ ...c, credit: BigInt(c.credit) }))).toEqual(expected.credits);
        expect(result.coverage + result.uncovered).toBe(WHOLE);
        expect(result.credits.reduce((sum, { credit }) => sum + credit, 0)).toBe(result.coverage);
        expect(attribute([...records].reverse(), q, how)).toEqual(result);
        const lists = representatives(records).map((r) => searchShard(createShard([r], 5), q, how.params));
        expect(attributeHits(lists.reverse(), q, how)).toEqual(result);
      }),
      { numRuns: 500 },
    );
  });

  it('D1: later near duplicates, by anybody and in any number, change nothing', () => {
    fc.assert(
      fc.property(
        corpus,
        queries,
        settings,
        fc.array(vector, { maxLength: 9 }),
        (records, q, how, copies) => {
          fc.pre(records.length > 0);
          const victims = representatives(records);
          const added = copies.map((numbers, i) =>
            record(1000 + i, numbers, { by: i, founder: victims[i % victims.length]!.founder }),
          );
          expect(attribute([...added, ...records], q, how)).toEqual(attribute(records, q, how));
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('the int8 kernel', () => {
  it('gives the scores of the plain reference for every length and count, also at the ends of the range', () => {
    const lengths = fc.integer({ min: 1, max: 70 });
    fc.assert(
      fc.property(
        lengths,
        fc.nat(11),
        fc.infiniteStream(fc.integer({ min: -128, max: 127 })),
        (d, n, numbers) => {
          const next = () => Int8Array.from({ length: d }, () => numbers.next().value as number);
          const records = Array.from({ length: n }, (_, i) => ({ ...record(i, []), vector: next() }));
          const query = next();
          expect(createShard(records, d).scores(query)).toEqual(plainScores(records, query));
        },
      ),
      { numRuns: 200 },
    );
    for (const [a, b] of [
      [-128, -128],
      [127, -128],
      [127, 127],
    ] as const) {
      const longest = { ...record(1, []), vector: new Int8Array(MAX_DIMENSIONS).fill(a) };
      const query = new Int8Array(MAX_DIMENSIONS).fill(b);
      expect(Array.from(createShard([longest], MAX_DIMENSIONS).scores(query))).toEqual([
        MAX_DIMENSIONS * a * b,
      ]);
    }
  });
});

describe('hostile input is refused with a code', () => {
  function refusal(work: () => unknown): string {
    try {
      work();
    } catch (error) {
      if (error instanceof AttributionError) return error.code;
      throw error;
    }
    return 'accepted';
  }
  const good = record(5, [1, 2, 3]);

  it('records', () => {
    const refused = (...records: RetrievalRecord[]) => refusal(() => representatives(records));
    for (const orderKey of [-1, 0.5, Number.NaN, 2 ** 53])
      expect(refused({ ...good, orderKey })).toBe('InvalidParameter');
    for (const founder of [-1, 2 ** 53, Number.NaN])
      expect(refused({ ...good, founder })).toBe('InvalidParameter');
    expect(refused({ ...good, contributor: '0xABC' })).toBe('InvalidParameter');
    expect(refused(good, { ...good, contributor: address(9) })).toBe('DuplicateOrderKey');
    expect(refused(good, record(5, [1, 2, 4]))).toBe('DuplicateOrderKey');
    expect(refused(good, record(6, [1], { founder: 5 }), record(7, [1], { founder: 6 }))).toBe(
      'InvalidParameter',
    );
    expect(representatives([good, { ...good, vector: good.vector.slice() }])).toHaveLength(1);
  });

  it('vectors and shards', () => {
    expect(refusal(() => createShard([good], 4))).toBe('ShapeMismatch');
    const floats = Float64Array.of(1, 2, 3) as unknown as Int8Array;
    expect(refusal(() => createShard([{ ...good, vector: floats }], 3))).toBe('ShapeMismatch');
    for (const d of [0, -3, 1.5, MAX_DIMENSIONS + 1])
      expect(refusal(() => createShard([good], d))).toBe('InvalidParameter');
    const many = { length: 300_000, forEach: () => {} } as unknown as RetrievalRecord[];
    expect(refusal(() => createShard(many, MAX_DIMENSIONS))).toBe('CorpusTooLarge');
    const shard = createShard([good], 3);
    expect(refusal(() => attributeRetrieval([shard], Int8Array.of(1), rules()))).toBe('ShapeMismatch');
    const query = Int8Array.of(1, 2, 3);
    expect(refusal(() => attributeRetrieval([shard, shard], query, rules()))).toBe('DuplicateOrderKey');
  });

  it('parameters', () => {
    const wrong = [
      { maxCitations: 0 },
      { maxCitations: 65 },
      { thresholdPermille: -1 },
      { thresholdPermille: 1001 },
      { recordCapPermille: 0 },
      { contributorCapPermille: 1.5 },
      { coverageCapPermille: 0 },
      { version: 2 as 1 },
    ];
    for (const change of wrong)
      expect(refusal(() => attributeRetrieval([], Int8Array.of(1), rules(change)))).toBe('InvalidParameter');
  });
});
