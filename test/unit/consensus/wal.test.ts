import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../consensus/bytes.ts';
import { asHeight, asRound } from '../../../consensus/types.ts';
import { crc32c } from '../../../consensus/wal/crc32c.ts';
import { encodeFrame, scanFrames, walDamage } from '../../../consensus/wal/frame.ts';
import {
  decideSigning,
  decodeLastSigned,
  encodeLastSigned,
  FREE_TO_SIGN,
  isPastUnknown,
  type LastSigned,
  NEVER_SIGNED,
  SIGN_STEP,
} from '../../../consensus/wal/last-signed.ts';

describe('crc32c', () => {
  it('gives the check values of RFC 3720', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  });
});

describe('the log', () => {
  const records = [
    encodeFrame(4, new Uint8Array(161).fill(1)),
    encodeFrame(9, new Uint8Array(8)),
    encodeFrame(14, new Uint8Array(900).fill(3)),
  ];
  const file = concatBytes(records);

  it('reads back what was written', () => {
    const scan = scanFrames(file);
    expect(scan).toMatchObject({ result: 'ok', torn: false, validBytes: file.length });
    expect(scan.frames.map((frame) => frame.kind)).toEqual([4, 9, 14]);
  });

  it('cut at any byte, it gives the whole records before the cut and asks for the rest to be cut off', () => {
    const ends = [0, records[0]!.length, records[0]!.length + records[1]!.length, file.length];
    for (let length = 0; length <= file.length; length++) {
      const scan = scanFrames(file.subarray(0, length));
      const whole = ends.filter((end) => end <= length).length - 1;
      expect(scan.result).toBe('ok');
      expect(scan.frames).toHaveLength(whole);
      if (scan.result === 'ok') expect(scan.validBytes).toBe(ends[whole]);
    }
  });

  it('a flipped bit before the last record is damage, with file, offset and remedy', () => {
    fc.assert(
      fc.property(
        fc.nat(records[0]!.length + records[1]!.length - 1),
        fc.integer({ min: 0, max: 7 }),
        (at, bit) => {
          const bad = concatBytes([file, encodeFrame(9, new Uint8Array(8))]);
          bad[at] = bad[at]! ^ (1 << bit);
          const scan = scanFrames(bad);
          expect(scan.result).toBe('damaged');
          if (scan.result !== 'damaged') return;
          expect(scan.offset).toBe(at < records[0]!.length ? 0 : records[0]!.length);
          const { message } = walDamage('/data/consensus.wal', scan);
          expect(message).toContain('/data/consensus.wal');
          expect(message).toContain(`offset ${scan.offset}`);
          expect(message).toContain('wal repair');
        },
      ),
    );
  });

  it('a file that ends in zeros or noise, as disks leave it after a power cut, is torn and not damaged', () => {
    for (const tail of [new Uint8Array(5_000), new Uint8Array(5_000).fill(0xff)])
      expect(scanFrames(concatBytes([file, tail]))).toMatchObject({
        result: 'ok',
        torn: true,
        validBytes: file.length,
      });
  });

  it('searching behind a torn megabyte takes no time to speak of', () => {
    const torn = concatBytes([file, encodeFrame(14, new Uint8Array(4 << 20)).subarray(0, 3 << 20)]);
    expect(scanFrames(torn)).toMatchObject({ result: 'ok', torn: true, validBytes: file.length });
  });
});

describe('the guard against signing twice', () => {
  const at = (height: number, round: number, step: keyof typeof SIGN_STEP, text = 'm'): LastSigned => ({
    height: asHeight(height),
    round: asRound(round),
    step: SIGN_STEP[step],
    loggedBefore: 0,
    message: new TextEncoder().encode(text),
  });

  it('signs forward only: height, then round, then step', () => {
    const last = at(5, 2, 'prevote');
    for (const next of [at(6, 0, 'proposal'), at(5, 3, 'proposal'), at(5, 2, 'precommit')])
      expect(decideSigning(last, next).decision).toBe('sign');
    for (const next of [at(4, 9, 'precommit'), at(5, 1, 'precommit'), at(5, 2, 'proposal')])
      expect(decideSigning(last, next).decision).toBe('refuse');
  });

  it('the same message at the same place is signed again, another is refused', () => {
    const last = at(5, 2, 'prevote', 'block a');
    expect(decideSigning(last, at(5, 2, 'prevote', 'block a')).decision).toBe('again');
    expect(decideSigning(last, at(5, 2, 'prevote', 'block b'))).toMatchObject({
      decision: 'refuse',
      reason: expect.stringContaining('already signed'),
    });
  });

  it('a record that says "never" lets everything be signed', () => {
    expect(decideSigning(NEVER_SIGNED, at(1, 0, 'proposal')).decision).toBe('sign');
    expect(decideSigning(FREE_TO_SIGN, at(1, 0, 'proposal')).decision).toBe('sign');
    expect([NEVER_SIGNED, FREE_TO_SIGN, at(1, 0, 'proposal')].map(isPastUnknown)).toEqual([
      true,
      false,
      false,
    ]);
    expect(decodeLastSigned(encodeLastSigned(FREE_TO_SIGN), 'x')).toEqual(FREE_TO_SIGN);
  });

  it('the record survives its encoding, and any damage to it is noticed', () => {
    const record = { ...at(5, 2, 'precommit', 'x'.repeat(90)), loggedBefore: 3 };
    const bytes = encodeLastSigned(record);
    expect(decodeLastSigned(bytes, 'f')).toEqual(record);
    for (let i = 0; i < bytes.length; i++) {
      const bad = bytes.slice();
      bad[i] = bad[i]! ^ 0x10;
      expect(() => decodeLastSigned(bad, 'last-signed')).toThrow('LAST_SIGNED_DAMAGED: last-signed');
    }
    expect(() => decodeLastSigned(bytes.subarray(0, 10), 'f')).toThrow('LAST_SIGNED_DAMAGED');
  });
});
