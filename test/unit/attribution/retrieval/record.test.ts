import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../../attribution/credit/bytes.ts';
import {
  attributeRetrieval,
  createShard,
  decodeRetrievalRecord,
  encodeRetrievalRecord,
  type RetrievalAttributionRecord,
  representatives,
  retrievalRecord,
  retrievalRecordHash,
} from '../../../../attribution/retrieval/api.ts';
import { address, utf8 } from '../builders.ts';
import { record, rules } from './builders.ts';

const RECORDS = [record(65_536, [100, 5, 0]), record(131_073, [0, 127, 0]), record(196_608, [50, 0, 90])];
const QUERY = Int8Array.of(100, 0, 0);
const ATTRIBUTION = attributeRetrieval([createShard(representatives(RECORDS), 3)], QUERY, rules());
const RECORD = retrievalRecord(`0x${'11'.repeat(32)}`, utf8('An answer.'), ATTRIBUTION);

describe('the retrieval attribution record', () => {
  it('B5: has these bytes and this hash for ever', () => {
    expect(toHex(encodeRetrievalRecord(RECORD))).toBe(
      `0x5201${'11'.repeat(32)}7fad42bf684c1a20eb220ec32ebf85d91e3cac57f12f0135eb84409180f944f4` +
        '00000000009896800bebc2002faf080000020002' +
        '000000000001000000002710' +
        '000000000003000000001388' +
        `${'00'.repeat(17)}01000005f5e100${'00'.repeat(17)}03000005f5e100`,
    );
    expect(retrievalRecordHash(RECORD)).toBe(
      '0x478c7df91ca6b45a96673a2f531c21d823eaff9050d41f6ad0b4ba169dd23091',
    );
  });

  it('comes back from its bytes', () => {
    expect(decodeRetrievalRecord(encodeRetrievalRecord(RECORD))).toEqual(RECORD);
    const empty = retrievalRecord(RECORD.requestHash, utf8(''), attributeRetrieval([], QUERY, rules()));
    expect(decodeRetrievalRecord(encodeRetrievalRecord(empty))).toEqual(empty);
  });

  it('is refused with any byte changed, unless the change is another canonical record', () => {
    const bytes = encodeRetrievalRecord(RECORD);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = bytes.slice();
        changed[at]! ^= flip;
        let decoded: RetrievalAttributionRecord;
        try {
          decoded = decodeRetrievalRecord(changed);
        } catch (error) {
          expect(error).toMatchObject({ code: 'InvalidRecord' });
          return;
        }
        expect(encodeRetrievalRecord(decoded)).toEqual(changed);
        expect(retrievalRecordHash(decoded)).not.toBe(retrievalRecordHash(RECORD));
      }),
      { numRuns: 1000 },
    );
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeRetrievalRecord(bytes.subarray(0, length))).toThrow(
        /no retrieval attribution record/,
      );
  });

  it('is refused when its parts do not fit each other', () => {
    const [first, second] = RECORD.citations as [(typeof RECORD.citations)[0], (typeof RECORD.citations)[0]];
    const wrong: Partial<RetrievalAttributionRecord>[] = [
      { version: 2 as 1 },
      { citations: [second, first] },
      { citations: [first, first] },
      { citations: [{ ...first, score: 0 }] },
      { citations: [{ ...first, score: 2 ** 31 }] },
      { citations: [{ ...first, orderKey: -1 }] },
      { citations: [] },
      { citations: Array.from({ length: 65 }, (_, i) => ({ orderKey: i, score: 1 })) },
      { totalWeight: 0 },
      { totalWeight: 2 ** 53 },
      { coverage: RECORD.coverage + 1 },
      { coverage: RECORD.coverage + 1, uncovered: RECORD.uncovered - 1 },
      { credits: [...RECORD.credits, { contributor: address(9), credit: 0 }] },
      { credits: [...RECORD.credits].reverse() },
      { credits: [RECORD.credits[0]!, RECORD.credits[0]!] },
    ];
    for (const change of wrong)
      expect(() => encodeRetrievalRecord({ ...RECORD, ...change })).toThrow(
        /no retrieval attribution record/,
      );
  });
});
