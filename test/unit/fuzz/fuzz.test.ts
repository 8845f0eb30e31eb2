/** A shard of `npm run fuzz`: the saved inputs and a few hundred new ones for each decoder. */
import { describe, expect, it } from 'vitest';
import { readCorpus } from '../../fuzz/corpus.ts';
import { BrokenPromise, checkInput, fuzz } from '../../fuzz/fuzz.ts';
import { type FuzzTarget, TARGETS } from '../../fuzz/targets.ts';

const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_000);

describe(`decoders of bytes from the network and the disk, seed ${SEED} (FUZZ_SEED repeats it)`, () => {
  it('are at least twelve', () => {
    expect(TARGETS.length).toBeGreaterThanOrEqual(12);
    expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length);
  });

  it.each(TARGETS.map((target) => [target.name, target] as const))(
    '%s refuses with a typed error, or accepts the one encoding',
    (_, target) => {
      const { inputs, accepted } = fuzz(target, readCorpus(target.name), {
        seed: SEED,
        count: 250,
        milliseconds: 4_000,
      });
      expect(inputs).toBeGreaterThan(50);
      // The corpus holds right ones, so that the inputs are near to what matters.
      expect(accepted).toBeGreaterThan(0);
    },
  );

  it('a decoder that breaks its promises is found out', () => {
    const throwing: FuzzTarget = {
      name: 'throws',
      from: 'network',
      errors: [],
      decode: () => {
        throw new TypeError('cannot read');
      },
    };
    expect(() => checkInput(throwing, Uint8Array.of(1))).toThrow(BrokenPromise);
    const lax: FuzzTarget = {
      name: 'accepts two encodings',
      from: 'network',
      errors: [],
      decode: (bytes) => bytes.subarray(0, 1),
      encode: ((value: Uint8Array) => value) as never,
    };
    expect(checkInput(lax, Uint8Array.of(1))).toBe(true);
    expect(() => checkInput(lax, Uint8Array.of(1, 2))).toThrow(/second encoding/);
  });
});
