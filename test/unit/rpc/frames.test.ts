import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFrames } from '../../../rpc/artifacts.ts';

const LIMITS = { maxLeafBytes: 100, maxLeaves: 20, size: 0 };

function frame(leaves: Uint8Array[]): Uint8Array {
  return Buffer.concat(
    leaves.flatMap((leaf) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(leaf.length);
      return [length, leaf];
    }),
  );
}

async function* chunks(bytes: Uint8Array, cuts: number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const cut of [...new Set(cuts.map((c) => c % (bytes.length + 1)))].sort((a, b) => a - b)) {
    yield bytes.subarray(from, cut);
    from = cut;
  }
  yield bytes.subarray(from);
}

async function collect(bytes: Uint8Array, size: number, cuts: number[] = []): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const leaf of readFrames(chunks(bytes, cuts), { ...LIMITS, size })) found.push(leaf);
  return found;
}

describe('the framing of artifacts', () => {
  it('gives back the leaves, however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        async (leaves, cuts) => {
          const size = leaves.reduce((sum, leaf) => sum + leaf.length, 0);
          const found = await collect(frame(leaves), size, cuts);
          expect(found.map((leaf) => Buffer.from(leaf).toString('hex'))).toEqual(
            leaves.map((leaf) => Buffer.from(leaf).toString('hex')),
          );
        },
      ),
    );
  });

  it('refuses a record over its limit before its bytes are taken', async () => {
    const header = Uint8Array.of(0xff, 0xff, 0xff, 0xff);
    await expect(collect(header, 5)).rejects.toMatchObject({ code: 'LEAF_TOO_LARGE', status: 413 });
  });

  it('refuses too many records, other sums than declared, and a cut stream', async () => {
    const one = Uint8Array.of(1);
    await expect(collect(frame(Array(21).fill(one)), 21)).rejects.toMatchObject({ code: 'TOO_MANY_LEAVES' });
    await expect(collect(frame([one, one]), 1)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    await expect(collect(frame([one]), 2)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    await expect(collect(frame([one, one]).subarray(0, 9), 2)).rejects.toMatchObject({ code: 'TRUNCATED' });
    await expect(collect(frame([one, one]).subarray(0, 7), 2)).rejects.toMatchObject({ code: 'TRUNCATED' });
  });
});
