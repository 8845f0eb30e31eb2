/** Commit certificates: made from precommits, checked against the set that voted. */

import { invariant } from './errors.ts';
import { voteSignBytes } from './sign-bytes.ts';
import type { CommitCertificate, Hash, Height, LastCommit, ValidatorSet, Vote } from './types.ts';
import {
  bitmapBytes,
  hasBit,
  indexOfValidator,
  isCanonicalBitmap,
  isQuorum,
  powerOfBitmap,
  setBit,
} from './validator-set/set.ts';

/** True if one aggregate signature by all `publicKeys` over `message` is right; false on malformed input. */
export type VerifyAggregate = (
  message: Uint8Array,
  publicKeys: readonly Uint8Array[],
  signature: Uint8Array,
) => boolean;

/**
 * Certificate from precommits for one block of one round. Callers pass each validator once; order does not matter.
 * @param aggregate sum of signatures
 */
export function makeCertificate(
  set: ValidatorSet,
  precommits: readonly Vote[],
  aggregate: (signatures: readonly Uint8Array[]) => Uint8Array,
): CommitCertificate {
  const sample = precommits[0];
  invariant(sample !== undefined && sample.blockHash !== null, 'a certificate needs precommits for a block');
  const bitmap = new Uint8Array(bitmapBytes(set.validators.length));
  const byIndex = new Map<number, Uint8Array>();
  for (const vote of precommits) {
    invariant(
      vote.type === 'precommit' &&
        vote.height === sample.height &&
        vote.round === sample.round &&
        vote.blockHash === sample.blockHash,
      'precommits of one certificate agree',
    );
    const index = indexOfValidator(set, vote.validator);
    invariant(index >= 0 && !byIndex.has(index), 'each precommit is of another member');
    byIndex.set(index, vote.signature);
    setBit(bitmap, index);
  }
  const signatures = [...byIndex.keys()].sort((a, b) => a - b).map((index) => byIndex.get(index)!);
  return {
    height: sample.height,
    round: sample.round,
    blockHash: sample.blockHash,
    bitmap,
    signature: aggregate(signatures),
  };
}

export type CertificateProblem = 'BITMAP_NOT_CANONICAL' | 'NO_QUORUM' | 'WRONG_SIGNATURE';

/** The check of rule A2, against set(certificate.height). undefined means that the certificate is right. */
export function verifyCertificate(
  set: ValidatorSet,
  genesisHash: Hash,
  certificate: CommitCertificate,
  verify: VerifyAggregate,
): CertificateProblem | undefined {
  if (!isCanonicalBitmap(certificate.bitmap, set.validators.length)) return 'BITMAP_NOT_CANONICAL';
  if (!isQuorum(powerOfBitmap(set, certificate.bitmap), set.totalPower)) return 'NO_QUORUM';
  const keys = set.validators.filter((_, i) => hasBit(certificate.bitmap, i)).map((v) => v.blsPublicKey);
  const message = voteSignBytes(genesisHash, {
    type: 'precommit',
    height: certificate.height,
    round: certificate.round,
    blockHash: certificate.blockHash,
  });
  return verify(message, keys, certificate.signature) ? undefined : 'WRONG_SIGNATURE';
}

/** The form in which the next block's body carries the certificate. */
export function toLastCommit(certificate: CommitCertificate): LastCommit {
  return { round: certificate.round, bitmap: certificate.bitmap, signature: certificate.signature };
}

/** Inverse of `toLastCommit`, given the parent that the body's block names. */
export function fromLastCommit(
  lastCommit: LastCommit,
  parent: { height: Height; blockHash: Hash },
): CommitCertificate {
  return { ...lastCommit, height: parent.height, blockHash: parent.blockHash };
}
