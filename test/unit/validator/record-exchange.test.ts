import { describe, expect, it } from 'vitest';
import type { Hash } from '../../../consensus/types.ts';
import { NEVER_SIGNED } from '../../../consensus/wal/last-signed.ts';
import { LIMITS } from '../../../node/validator/limits.ts';
import { recordFromJson, recordToJson, type SigningRecord } from '../../../node/validator/record-exchange.ts';

const numbered = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`;
const recordWith = (attestations: number): SigningRecord => ({
  publicKey: `0x${'11'.repeat(48)}`,
  genesisHash: numbered(1),
  last: NEVER_SIGNED,
  attested: new Map(Array.from({ length: attestations }, (_, i) => [numbered(i), numbered(7)])),
});

describe('the record of a key that moves to another machine', () => {
  it('comes over as it was', () => {
    const record = recordWith(3);
    expect(recordFromJson(recordToJson(record))).toEqual(record);
  });

  it('comes over with the newest attestations where there are more than a record may hold', () => {
    const record = recordWith(LIMITS.attestedRecords + 1);
    const { attested } = recordFromJson(recordToJson(record));
    expect([...attested.keys()]).toEqual([...record.attested.keys()].slice(-LIMITS.attestedRecords / 2));
  });
});
