/** Proof that whoever registers a key holds it (A9): without it a rogue key could cancel others out of an aggregate. */
import { possessionSignBytes } from '../../../consensus/sign-bytes.ts';
import type { Address, Hash } from '../../../consensus/types.ts';

/** Ciphersuite of all signatures of this chain; the library's default is another one. */
const DST = 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_';

/**
 * Whether `proof` (96 bytes, compressed G2) is a signature of `publicKey` (48 bytes, compressed G1) over the operator's
 * address on this chain. Malformed points, the point at infinity and points outside the subgroup give false.
 */
export async function holdsKey(
  genesisHash: Hash,
  operator: Address,
  publicKey: Uint8Array,
  proof: Uint8Array,
): Promise<boolean> {
  // Loaded when somebody registers, which is rare: it costs every start of a node otherwise.
  const { bls12_381 } = await import('@noble/curves/bls12-381.js');
  const { longSignatures, G1 } = bls12_381;
  try {
    const key = G1.Point.fromBytes(publicKey);
    const signature = longSignatures.Signature.fromBytes(proof);
    for (const point of [key, signature]) {
      point.assertValidity();
      if (point.is0() || !point.isTorsionFree()) return false;
    }
    const message = longSignatures.hash(possessionSignBytes(genesisHash, operator, publicKey), DST);
    return longSignatures.verify(signature, message, key);
  } catch {
    return false;
  }
}
