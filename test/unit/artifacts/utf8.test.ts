import { isUtf8 as oracle } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUtf8 } from '../../../node/artifacts/utf8.ts';

describe('UTF-8 at the door', () => {
  it('agrees with the platform on every sequence of one, two and three bytes', () => {
    const bytes = new Uint8Array(3);
    let wrong = 0;
    for (let a = 0; a < 256; a++) {
      bytes[0] = a;
      if (isUtf8(bytes.subarray(0, 1)) !== oracle(bytes.subarray(0, 1))) wrong += 1;
      for (let b = 0; b < 256; b++) {
        bytes[1] = b;
        if (isUtf8(bytes.subarray(0, 2)) !== oracle(bytes.subarray(0, 2))) wrong += 1;
        // Third bytes at the borders of the classes.
        for (const c of [0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xff]) {
          bytes[2] = c;
          if (isUtf8(bytes) !== oracle(bytes)) wrong += 1;
        }
      }
    }
    expect(wrong).toBe(0);
  });

  it('agrees with the platform on random bytes and on damaged text', () => {
    const edge = fc.constantFrom(
      0x7f,
      0x80,
      0x8f,
      0x90,
      0x9f,
      0xa0,
      0xbf,
      0xc1,
      0xc2,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xf5,
    );
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 6 }), (values) => {
        const bytes = Uint8Array.from(values);
        expect(isUtf8(bytes)).toBe(oracle(bytes));
      }),
      { numRuns: 5_000, verbose: 1 },
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(), fc.nat(255), (text, at, value) => {
        const bytes = Uint8Array.from(Buffer.from(text));
        expect(isUtf8(bytes)).toBe(true);
        if (bytes.length > 0) bytes[at % bytes.length] = value;
        expect(isUtf8(bytes)).toBe(oracle(bytes));
      }),
      { verbose: 1 },
    );
  });
});
