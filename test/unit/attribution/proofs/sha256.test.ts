import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHasher, TAG } from '../../../../attribution/proofs/hash.ts';
import { sha256, sha256Pair } from '../../../../attribution/proofs/sha256.ts';
import { toHex } from '../../../../state/crypto.ts';

const seed = Number(process.env['FC_SEED'] ?? 20260701);
const judge = (...parts: Uint8Array[]) =>
  `0x${createHash('sha256').update(Buffer.concat(parts)).digest('hex')}`;
const hash32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('the SHA-256 of the verifier', () => {
  it('gives the examples of FIPS 180-4', () => {
    const of = (text: string) => toHex(sha256(new TextEncoder().encode(text)));
    expect(of('abc')).toBe('0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(of('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')).toBe(
      '0x248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    );
  });

  it('is that of OpenSSL at every length around the ends of blocks', () => {
    for (let length = 0; length <= 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 255);
      expect(toHex(sha256(bytes))).toBe(judge(bytes));
      // A view that does not begin with its buffer.
      expect(toHex(sha256(bytes.subarray(length >> 1)))).toBe(judge(bytes.subarray(length >> 1)));
    }
  });

  it('of two hashes is that of their 65 bytes, for every last byte', () => {
    fc.assert(
      fc.property(fc.nat(255), hash32, hash32, (tag, left, right) => {
        expect(toHex(sha256Pair(tag, left, right))).toBe(judge(Uint8Array.of(tag), left, right));
      }),
      { seed },
    );
    const left = new Uint8Array(32).fill(7);
    for (let last = 0; last < 256; last++) {
      const right = new Uint8Array(32).fill(last);
      expect(toHex(sha256Pair(TAG.inner, left, right))).toBe(judge(Uint8Array.of(TAG.inner), left, right));
    }
  });

  it('and another one give the same hashes of a tree', () => {
    const portable = createHasher();
    const native = createHasher((bytes) => createHash('sha256').update(bytes).digest());
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), hash32, hash32, (bytes, left, right) => {
        expect(toHex(portable.inner(left, right))).toBe(toHex(native.inner(left, right)));
        expect(toHex(portable.tagged(TAG.root, bytes))).toBe(toHex(native.tagged(TAG.root, bytes)));
      }),
      { seed },
    );
  });
});
