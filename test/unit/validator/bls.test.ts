import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Address } from '../../../consensus/types.ts';
import { createBlstSigner, createBlstVerifier, deriveBlsSecret } from '../../../node/validator/bls.ts';
import { createReferenceSigner, createReferenceVerifier } from '../../../node/validator/bls-reference.ts';

const address: Address = `0x${'11'.repeat(20)}`;
const secrets = [0, 1, 2, 3].map((i) => deriveBlsSecret(createHash('sha256').update(`key ${i}`).digest()));
const fast = secrets.map((secret) => createBlstSigner(address, secret));
const message = new TextEncoder().encode('the same message for all');
const other = new TextEncoder().encode('another message');
const signatures = fast.map((signer) => signer.sign(message));
const keys = fast.map((signer) => signer.publicKey);
const verifiers = {
  blst: createBlstVerifier(),
  reference: createReferenceVerifier((length) => new Uint8Array(randomBytes(length))),
};

/** Compressed points at infinity: only the flags are set. */
const infinityKey = new Uint8Array(48);
infinityKey[0] = 0xc0;
const infinitySignature = new Uint8Array(96);
infinitySignature[0] = 0xc0;

/** A point of the curve outside the subgroup: x = 0 gives one on G2's curve or none; try small x until one decodes. */
const hostile = (length: number, flag: number): Uint8Array[] =>
  Array.from({ length: 24 }, (_, x) => {
    const bytes = new Uint8Array(length);
    bytes[0] = flag;
    bytes[length - 1] = x;
    return bytes;
  });

describe('the fast and the portable BLS', () => {
  it('make the same keys and signatures, byte for byte (and so the same ciphersuite)', () => {
    const portable = createReferenceSigner(address, secrets[0]!);
    expect(portable.publicKey).toEqual(new Uint8Array(keys[0]!));
    expect(portable.sign(message)).toEqual(new Uint8Array(signatures[0]!));
    expect(keys[0]).toHaveLength(48);
    expect(signatures[0]).toHaveLength(96);
  });

  it('aggregate to the same bytes', () => {
    expect(new Uint8Array(verifiers.blst.aggregate(signatures))).toEqual(
      verifiers.reference.aggregate(signatures),
    );
  });

  describe.each(Object.entries(verifiers))('%s', (_, bls) => {
    it('verifies what is right and nothing else', () => {
      expect(bls.verify(message, keys[0]!, signatures[0]!)).toBe(true);
      expect(bls.verify(other, keys[0]!, signatures[0]!)).toBe(false);
      expect(bls.verify(message, keys[1]!, signatures[0]!)).toBe(false);
      expect(bls.verify(message, keys[0]!, signatures[1]!)).toBe(false);
    });

    it('A2: verifies an aggregate against exactly its signers', () => {
      const three = bls.aggregate(signatures.slice(0, 3));
      expect(bls.fastAggregateVerify(message, keys.slice(0, 3), three)).toBe(true);
      expect(bls.fastAggregateVerify(message, keys, three)).toBe(false);
      expect(bls.fastAggregateVerify(message, keys.slice(0, 2), three)).toBe(false);
      expect(bls.fastAggregateVerify(message, [], three)).toBe(false);
    });

    it('verifyEach finds signatures that are wrong one by one and right in sum', () => {
      const swapped = [signatures[1]!, signatures[0]!];
      expect(bls.fastAggregateVerify(message, keys.slice(0, 2), bls.aggregate(swapped))).toBe(true);
      expect(bls.verifyEach(message, keys.slice(0, 2), swapped)).toBe(false);
      expect(bls.verifyEach(message, keys, signatures)).toBe(true);
      expect(bls.verifyEach(message, keys.slice(0, 1), signatures.slice(0, 1))).toBe(true);
      expect(bls.verifyEach(message, [], [])).toBe(false);
      expect(bls.verifyEach(message, keys, signatures.slice(1))).toBe(false);
    });

    it('A2: infinity, points outside the subgroup and rubbish are false, not exceptions', () => {
      expect(bls.verify(message, infinityKey, infinitySignature)).toBe(false);
      expect(bls.fastAggregateVerify(message, [infinityKey], infinitySignature)).toBe(false);
      expect(bls.verify(message, keys[0]!, infinitySignature)).toBe(false);
      expect(bls.verify(message, new Uint8Array(48), signatures[0]!)).toBe(false);
      expect(bls.verify(message, keys[0]!.slice(1), signatures[0]!)).toBe(false);
      expect(bls.verify(message, keys[0]!, new Uint8Array(95))).toBe(false);
      for (const key of hostile(48, 0x80)) expect(bls.verify(message, key, signatures[0]!)).toBe(false);
      for (const signature of hostile(96, 0x80)) expect(bls.verify(message, keys[0]!, signature)).toBe(false);
    });
  });
});
