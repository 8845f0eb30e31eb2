import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apportion } from '../../../attribution/credit/apportion.ts';
import {
  type AttributionRecord,
  attributionRecord,
  attributionRecordHash,
  decodeAttributionRecord,
  encodeAttributionRecord,
} from '../../../attribution/credit/attribution-record.ts';
import { toHex } from '../../../attribution/credit/bytes.ts';
import { splitFee } from '../../../attribution/credit/split-fee.ts';
import { compareAddresses } from '../../../attribution/token/credits.ts';
import { WHOLE } from '../../../attribution/token/types.ts';
import { address, utf8 } from './builders.ts';

const RECORD: AttributionRecord = {
  version: 1,
  requestHash: `0x${'11'.repeat(32)}`,
  outputHash: `0x${'22'.repeat(32)}`,
  totalWeightQ16: 0x0102030405,
  coverage: 600_000_000,
  uncovered: 400_000_000,
  credits: [
    { contributor: address(0xbb), credit: 500_000_000 },
    { contributor: address(0xaa), credit: 50_000_000 },
    { contributor: address(0xcc), credit: 50_000_000 },
  ],
};

describe('the attribution record', () => {
  it('B5: has these bytes and this hash for ever', () => {
    expect(toHex(encodeAttributionRecord(RECORD))).toBe(
      `0x01${'11'.repeat(32)}${'22'.repeat(32)}0000000102030405` +
        '23c3460017d784000003' +
        `${'00'.repeat(19)}bb1dcd6500${'00'.repeat(19)}aa02faf080${'00'.repeat(19)}cc02faf080`,
    );
    expect(attributionRecordHash(RECORD)).toBe(
      '0xfb6ce6b8c80bcefacab82b270494f6393c50968e39a1b9b02b916dd07dbf69ab',
    );
  });

  it('takes the output by its keccak-256', () => {
    const attribution = {
      version: 1,
      outputTokens: 0,
      totalWeightQ16: 0,
      matchedWeightQ16: 0,
      coverage: 0,
      uncovered: WHOLE,
      credits: [],
      spans: [],
    } as const;
    const record = attributionRecord(RECORD.requestHash, utf8(''), attribution);
    expect(record.outputHash).toBe('0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470');
    expect(encodeAttributionRecord(record)).toHaveLength(83);
  });

  const credits = fc
    .uniqueArray(fc.tuple(fc.nat(1 << 20), fc.integer({ min: 1, max: 1_000_000 })), {
      maxLength: 64,
      selector: ([n]) => n,
    })
    .map((list) =>
      list
        .map(([number, credit]) => ({ contributor: address(number), credit }))
        .sort((a, b) => b.credit - a.credit || compareAddresses(a.contributor, b.contributor)),
    );

  it('B5: is read back from its bytes, and from no others', () => {
    fc.assert(
      fc.property(credits, fc.nat(), fc.nat(255), (list, at, byte) => {
        const coverage = list.reduce((sum, entry) => sum + entry.credit, 0);
        const record = { ...RECORD, credits: list, coverage, uncovered: WHOLE - coverage };
        const bytes = encodeAttributionRecord(record);
        expect(decodeAttributionRecord(bytes)).toEqual(record);
        // Any other bytes are refused or are another record's.
        const changed = Uint8Array.from(bytes);
        changed[at % bytes.length] = byte;
        try {
          expect(encodeAttributionRecord(decodeAttributionRecord(changed))).toEqual(changed);
        } catch (error) {
          expect(error).toMatchObject({ code: 'InvalidRecord' });
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['an unknown version', { version: 4 as 1 }],
    ['a coverage that is not the sum', { coverage: 600_000_001, uncovered: 399_999_999 }],
    ['parts that do not sum to one whole', { uncovered: 1 }],
    ['entries out of order', { credits: [...RECORD.credits].reverse() }],
    [
      'an entry without credit',
      { credits: [{ contributor: address(1), credit: 0 }], coverage: 0, uncovered: WHOLE },
    ],
    [
      'one contributor twice',
      {
        credits: [
          { contributor: address(1), credit: 2 },
          { contributor: address(1), credit: 1 },
        ],
        coverage: 3,
        uncovered: WHOLE - 3,
      },
    ],
  ])('refuses %s', (_, change) => {
    expect(() => encodeAttributionRecord({ ...RECORD, ...change })).toThrow(
      expect.objectContaining({ code: 'InvalidRecord' }),
    );
  });

  it('refuses cut and padded bytes', () => {
    const bytes = encodeAttributionRecord(RECORD);
    for (const wrong of [
      bytes.slice(0, -1),
      Uint8Array.of(...bytes, 0),
      new Uint8Array(),
      bytes.slice(0, 82),
    ])
      expect(() => decodeAttributionRecord(wrong)).toThrow(
        expect.objectContaining({ code: 'InvalidRecord' }),
      );
  });
});

describe('shares by largest remainder', () => {
  it('sum to the whole and differ from the exact share by less than one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(2 ** 31), { minLength: 1, maxLength: 70 }),
        fc.nat(WHOLE),
        (weights, whole) => {
          fc.pre(weights.some((weight) => weight > 0));
          const total = weights.reduce((a, b) => a + b, 0);
          const parts = apportion(whole, weights);
          expect(parts.reduce((a, b) => a + b, 0)).toBe(whole);
          parts.forEach((part, i) => {
            const difference = BigInt(part) * BigInt(total) - BigInt(whole) * BigInt(weights[i]!);
            expect(difference < BigInt(total) && difference > -BigInt(total)).toBe(true);
          });
        },
      ),
    );
  });

  it('gives what is left to the largest remainder, ties to the earlier', () => {
    expect(apportion(10, [1, 1, 1])).toEqual([4, 3, 3]);
    expect(apportion(10, [1, 1, 4])).toEqual([2, 2, 6]);
    expect(apportion(1, [0, 3, 3])).toEqual([0, 1, 0]);
  });
});

describe('the split of a fee', () => {
  const bps = { platformBps: 1000, modelBps: 2000, stakersBps: 2000, dataBps: 5000 };

  it('follows the shares and the credits', () => {
    const split = splitFee({
      fee: 10_000n,
      ...bps,
      credits: [
        { contributor: address(1), credit: 300_000_000 },
        { contributor: address(2), credit: 100_000_000 },
      ],
    });
    expect(split).toEqual({
      platform: 1000n,
      model: 2000n,
      stakers: 2000n,
      data: [
        { contributor: address(1), amount: 1500n },
        { contributor: address(2), amount: 500n },
      ],
      uncovered: 3000n,
    });
  });

  it('Conservation: 1,000 drawn settlements make no wei and lose none', () => {
    const share = fc.tuple(fc.nat(10_000), fc.nat(10_000), fc.nat(10_000)).map((cuts) => {
      const [a, b, c] = cuts.sort((x, y) => x - y) as [number, number, number];
      return { platformBps: a, modelBps: b - a, stakersBps: c - b, dataBps: 10_000 - c };
    });
    const credits = fc.array(fc.nat(WHOLE), { maxLength: 64 }).map((weights) => {
      const parts = apportion(WHOLE, [...weights, 1]);
      return weights.map((_, i) => ({ contributor: address(i + 1), credit: parts[i]! }));
    });
    const fee = fc.oneof(fc.bigInt({ min: 0n, max: 1000n }), fc.bigInt({ min: 0n, max: 1n << 96n }));
    fc.assert(
      fc.property(fee, share, credits, (wei, shares, list) => {
        const split = splitFee({ fee: wei, ...shares, credits: list });
        const amounts = [
          split.platform,
          split.model,
          split.stakers,
          split.uncovered,
          ...split.data.map((d) => d.amount),
        ];
        expect(amounts.every((amount) => amount >= 0n)).toBe(true);
        expect(amounts.reduce((a, b) => a + b, 0n)).toBe(wei);
        const exact = (part: number) => (wei * BigInt(part)) / 10_000n;
        expect([split.platform, split.model, split.stakers]).toEqual(
          [shares.platformBps, shares.modelBps, shares.stakersBps].map(exact),
        );
        const unearned =
          (exact(shares.dataBps) * BigInt(WHOLE - list.reduce((a, c) => a + c.credit, 0))) / BigInt(WHOLE);
        expect(split.uncovered - unearned).toBeLessThan(BigInt(list.length + 5));
      }),
      { numRuns: 1000 },
    );
  });

  it('C4: leaves the whole data pool uncovered where nothing is credited', () => {
    expect(splitFee({ fee: 10_000n, ...bps, credits: [] })).toMatchObject({ data: [], uncovered: 5000n });
  });

  it('refuses what would make wei', () => {
    for (const wrong of [
      { fee: -1n },
      { dataBps: 5001 },
      { platformBps: -1000, dataBps: 7000 },
      { credits: [{ contributor: address(1), credit: WHOLE + 1 }] },
    ])
      expect(() => splitFee({ fee: 1n, ...bps, credits: [], ...wrong })).toThrow(
        expect.objectContaining({ code: 'InvalidParameter' }),
      );
  });
});
