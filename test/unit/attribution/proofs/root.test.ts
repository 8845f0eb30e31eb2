import { describe, expect, it } from 'vitest';
import { createCorpus, packOrderKey } from '../../../../attribution/corpus/corpus.ts';
import { commitCorpus } from '../../../../attribution/proofs/commit-corpus.ts';
import { recordsOf } from '../builders.ts';
import { ADVERSARIAL, randomFrom, randomRecords } from './corpora.ts';
import { oracleRoot } from './root-oracle.ts';

const SEED = Number(process.env['PROOF_SEED'] ?? 1);
const rootOf = (records: Parameters<typeof oracleRoot>[0]) =>
  Buffer.from(commitCorpus(createCorpus(records)).root).toString('hex');

describe('the root of a corpus', () => {
  it('is what the specification says, on random corpora', () => {
    for (let round = 0; round < 80; round++) {
      const records = randomRecords(randomFrom(SEED * 7919 + round));
      expect(rootOf(records), `seed ${SEED}, round ${round}`).toBe(oracleRoot(records));
    }
  });

  for (const [name, records] of Object.entries(ADVERSARIAL))
    it(`is what the specification says of a corpus that is ${name}`, () => {
      expect(rootOf(records)).toBe(oracleRoot(records));
    });

  it('is what the specification says with large numbers, records that are no text, and long words', () => {
    const records = recordsOf([
      {
        text: `${'x'.repeat(32)} ${'x'.repeat(33)} ${'y'.repeat(1000)} x`,
        key: packOrderKey(2 ** 37 - 1, 65_535),
        net: 2 ** 40,
      },
      { text: 'x \u{1F600} x \u4E00\u4E01 x', key: 3, net: 200 },
    ]);
    records.push({ ...records[1]!, orderKey: 1, bytes: Uint8Array.of(0x61, 0xff) });
    expect(rootOf(records)).toBe(oracleRootWithout(records));
  });

  it('does not change with the order in which records are handed in, nor with copies', () => {
    const records = randomRecords(randomFrom(4));
    const copies = records.map((record) => ({ ...record, orderKey: record.orderKey + 1000 }));
    expect(rootOf([...copies, ...records].reverse())).toBe(rootOf(records));
  });

  it('is frozen: a change of the format is a change of this line', () => {
    expect(rootOf(recordsOf(['the cat sat', { text: 'the cat ran', by: 2, net: 3 }]))).toMatchInlineSnapshot(
      `"e32d4accd19fa50cf268066b1d804cb03863d17224456bea2799571a5f1fd960"`,
    );
  });
});

/** A record that is no text counts as one without tokens: the oracle is given an empty text in its place. */
function oracleRootWithout(records: Parameters<typeof oracleRoot>[0]): string {
  return oracleRoot(
    records.map((record) =>
      record.bytes.includes(0xff) ? { ...record, bytes: Uint8Array.of(0x20) } : record,
    ),
  );
}
