/**
 * BLS12-381 by @chainsafe/blst: about fifteen times as fast as the portable reference in bls-reference.ts, and
 * tested against it. Public keys in G1 (48 bytes), signatures in G2 (96 bytes), proof-of-possession scheme of
 * draft-irtf-cfrg-bls-signature-05 (this library signs under its ciphersuite BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_,
 * which the test against the reference pins).
 */
import {
  aggregateSignatures,
  aggregateWithRandomness,
  fastAggregateVerify,
  PublicKey,
  SecretKey,
  Signature,
  verify,
} from '@chainsafe/blst';
import { type Address, PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../../consensus/types.ts';
import type { BlsVerifier, Signer } from './ports.ts';

/** Parsed keys, so that a subgroup check is paid once per key and not once per vote. A set has at most 1,024. */
const MAX_CACHED_KEYS = 4096;

export function createBlstVerifier(): BlsVerifier {
  const keys = new Map<string, PublicKey>();
  const parseKey = (bytes: Uint8Array): PublicKey => {
    if (bytes.length !== PUBLIC_KEY_BYTES) throw new RangeError('public key is not 48 bytes');
    const name = Buffer.from(bytes).toString('latin1');
    const known = keys.get(name);
    if (known !== undefined) return known;
    const key = PublicKey.fromBytes(bytes, true);
    if (keys.size >= MAX_CACHED_KEYS) keys.clear();
    keys.set(name, key);
    return key;
  };
  return {
    verify: (message, publicKey, signature) =>
      attempt(() => verify(message, parseKey(publicKey), parseSignature(signature))),
    fastAggregateVerify: (message, publicKeys, signature) =>
      publicKeys.length > 0 &&
      attempt(() => fastAggregateVerify(message, publicKeys.map(parseKey), parseSignature(signature))),
    verifyEach(message, publicKeys, signatures) {
      if (publicKeys.length === 0 || publicKeys.length !== signatures.length) return false;
      return attempt(() => {
        if (publicKeys.length === 1)
          return verify(message, parseKey(publicKeys[0]!), parseSignature(signatures[0]!));
        const sets = publicKeys.map((key, i) => ({ pk: parseKey(key), sig: checkLength(signatures[i]!) }));
        const { pk, sig } = aggregateWithRandomness(sets);
        return verify(message, pk, sig);
      });
    },
    aggregate: (signatures) => aggregateSignatures(signatures.map(parseSignature)).toBytes(),
  };
}

function checkLength(signature: Uint8Array): Uint8Array {
  if (signature.length !== SIGNATURE_BYTES) throw new RangeError('signature is not 96 bytes');
  return signature;
}

/** Subgroup checked, infinity refused. */
function parseSignature(bytes: Uint8Array): Signature {
  return Signature.fromBytes(checkLength(bytes), true, true);
}

/** The library throws on malformed points; for the caller these are just wrong signatures. */
function attempt(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false;
  }
}

/**
 * Signer that holds the secret in memory.
 * @param secretKey 32 bytes, big-endian, below the group order
 * @throws if the key is zero or too large
 */
export function createBlstSigner(address: Address, secretKey: Uint8Array): Signer {
  const secret = SecretKey.fromBytes(secretKey);
  const publicKey = secret.toPublicKey().toBytes();
  return { address, publicKey, sign: (message) => secret.sign(message).toBytes() };
}

/** Secret key from at least 32 bytes of entropy (KeyGen of the draft). 32 bytes. */
export function deriveBlsSecret(entropy: Uint8Array): Uint8Array {
  return SecretKey.fromKeygen(entropy).toBytes();
}
