import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commitStore,
  proveSample,
  type SampleProof,
  verifySample,
} from '../../../../attribution/influence/api.ts';
import { buildStore, rowsOf } from '../../../../attribution/influence/solvers/store.ts';
import { merkleRoot } from '../../../../node/artifacts/merkle.ts';
import { random } from './oracle.ts';

const LAYERS = [5, 2];

function storeOf(count: number) {
  const next = random(count);
  const numbers = Float64Array.from({ length: 7 * count }, () => next() - 0.5);
  return buildStore(rowsOf(numbers, count, LAYERS), 100);
}

describe('the commitment to a gradient store', () => {
  it('has this root for ever', () => {
    const gradients = buildStore(rowsOf(Float64Array.of(1, -1, 0.5, 3, 0, 0), 2, [2, 1]), 100);
    // Sample 0: exponents −14 and −15, numbers 16384, −16384 and 16384. Sample 1: 3 = 24576·2⁻¹³, a layer of zeros.
    const leaves = ['fff2fff14000c0004000', 'fff3fff1600000000000'].map((hex) => Buffer.from(hex, 'hex'));
    const sha = (...parts: Uint8Array[]) => {
      const hash = createHash('sha256');
      for (const part of parts) hash.update(part);
      return hash.digest();
    };
    const [left, right] = leaves.map((leaf) => sha(Uint8Array.of(0), leaf));
    expect(Buffer.from(commitStore(gradients).root)).toEqual(sha(Uint8Array.of(1), left!, right!));
  });

  it('is the tree that artifacts have, over the same leaves', () => {
    for (const count of [1, 2, 3, 7, 8, 21]) {
      const gradients = storeOf(count);
      const commitment = commitStore(gradients);
      const leaves = Array.from({ length: count }, (_, i) => proveSample(gradients, commitment, i).leaf);
      expect(leaves[0]!.length).toBe(2 * (LAYERS.length + 7));
      expect(Buffer.from(commitment.root)).toEqual(Buffer.from(merkleRoot(leaves)));
    }
  });

  it('proves every sample, and nothing else', () => {
    for (const count of [1, 2, 5, 8, 13]) {
      const gradients = storeOf(count);
      const commitment = commitStore(gradients);
      for (let i = 0; i < count; i++) {
        const proof = proveSample(gradients, commitment, i);
        expect(verifySample(commitment.root, count, proof)).toBe(true);
        for (let other = 0; other < count; other++)
          if (other !== i)
            expect(verifySample(commitment.root, count, { ...proof, index: other })).toBe(false);
        expect(verifySample(commitment.root, 2 * count + 1, proof)).toBe(false);
        expect(
          verifySample(commitment.root, count, { ...proof, path: [...proof.path, commitment.root] }),
        ).toBe(false);
        if (count > 1)
          expect(verifySample(commitment.root, count, { ...proof, path: proof.path.slice(1) })).toBe(false);
      }
    }
  });

  it('refuses every single changed bit', () => {
    const count = 11;
    const gradients = storeOf(count);
    const commitment = commitStore(gradients);
    const flip = (bytes: Uint8Array, bit: number): Uint8Array =>
      bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
    for (const index of [0, 6, 10]) {
      const proof = proveSample(gradients, commitment, index);
      const accepted = (changed: Partial<SampleProof>, root = commitment.root) =>
        verifySample(root, count, { ...proof, ...changed });
      for (let bit = 0; bit < 8 * proof.leaf.length; bit++)
        expect(accepted({ leaf: flip(proof.leaf, bit) })).toBe(false);
      proof.path.forEach((sibling, level) => {
        for (let bit = 0; bit < 256; bit++)
          expect(accepted({ path: proof.path.with(level, flip(sibling, bit)) })).toBe(false);
      });
      for (let bit = 0; bit < 256; bit++) expect(accepted({}, flip(commitment.root, bit))).toBe(false);
    }
  });

  it('answers false to any other input', () => {
    const gradients = storeOf(5);
    const { root } = commitStore(gradients);
    const bytes = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(
        fc.oneof(fc.integer(), fc.double()),
        fc.oneof(fc.integer({ min: -1, max: 9 }), fc.double()),
        bytes,
        fc.array(bytes, { maxLength: 5 }),
        (count, index, leaf, path) => {
          expect(verifySample(root, count, { index, leaf, path })).toBe(false);
        },
      ),
    );
    expect(() => proveSample(gradients, commitStore(gradients), 5)).toThrow(/no sample 5/);
    expect(() => proveSample(gradients, commitStore(gradients), 0.5)).toThrow(/no sample/);
  });
});
