import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  inclusionProof,
  leafHash,
  merkleRoot,
  rootOfLeafHashes,
  verifyInclusion,
} from '../../../node/artifacts/merkle.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const sha = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();

/** The definition of RFC 6962, section 2.1, word for word. */
function definition(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha();
  if (leaves.length === 1) return sha(Uint8Array.of(0), leaves[0]!);
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha(Uint8Array.of(1), definition(leaves.slice(0, k)), definition(leaves.slice(k)));
}

/** Inputs and roots of the reference implementation of RFC 6962 (certificate-transparency, merkletree tests). */
const VECTOR_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((text) => Buffer.from(text, 'hex'));
const VECTOR_ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

describe('Merkle tree hash', () => {
  it('gives the roots of the RFC 6962 reference tree', () => {
    VECTOR_ROOTS.forEach((root, i) => {
      expect(hex(merkleRoot(VECTOR_LEAVES.slice(0, i + 1)))).toBe(root);
    });
    expect(hex(merkleRoot([]))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('equals the definition for every number of leaves up to 130', () => {
    const leaves = Array.from({ length: 130 }, (_, i) => Buffer.from(`leaf ${i}`));
    for (let n = 0; n <= leaves.length; n++)
      expect(hex(merkleRoot(leaves.slice(0, n)))).toBe(hex(definition(leaves.slice(0, n))));
  });

  it('proves every leaf, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 8 }), { minLength: 1, maxLength: 40 }),
        fc.nat(),
        fc.nat(),
        (leaves, pick, noise) => {
          const hashes = leaves.map(leafHash);
          const root = rootOfLeafHashes(hashes);
          const i = pick % leaves.length;
          const proof = inclusionProof(hashes, i);
          expect(verifyInclusion(leaves[i]!, i, leaves.length, proof, root)).toBe(true);
          const changed = Uint8Array.of(...leaves[i]!, 1);
          expect(verifyInclusion(changed, i, leaves.length, proof, root)).toBe(false);
          const j = noise % leaves.length;
          if (hex(leaves[j]!) !== hex(leaves[i]!))
            expect(verifyInclusion(leaves[i]!, j, leaves.length, proof, root)).toBe(false);
          expect(verifyInclusion(leaves[i]!, i, leaves.length, [...proof, root], root)).toBe(false);
          if (proof.length > 0) {
            expect(verifyInclusion(leaves[i]!, i, leaves.length, proof.slice(1), root)).toBe(false);
            const bent = proof.map((p) => Uint8Array.from(p));
            bent[noise % bent.length]![noise % 32]! ^= 1;
            expect(verifyInclusion(leaves[i]!, i, leaves.length, bent, root)).toBe(false);
          }
        },
      ),
      { verbose: 1 },
    );
  });

  it('refuses positions that do not exist', () => {
    expect(() => inclusionProof([leafHash(Uint8Array.of(1))], 1)).toThrow(RangeError);
    expect(verifyInclusion(Uint8Array.of(1), 1, 1, [], leafHash(Uint8Array.of(1)))).toBe(false);
    expect(verifyInclusion(Uint8Array.of(1), -1, 1, [], leafHash(Uint8Array.of(1)))).toBe(false);
  });
});
