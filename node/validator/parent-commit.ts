/**
 * Precommits of the block just committed, kept until the next one is proposed: its body carries their aggregate
 * (rule A2), and the more there are, the fewer validators look absent (rule A7).
 */
import { makeCertificate, toLastCommit } from '../../consensus/certificate.ts';
import type { Address, CommitCertificate, LastCommit, ValidatorSet, Vote } from '../../consensus/types.ts';
import { indexOfValidator } from '../../consensus/validator-set/set.ts';
import type { BlsVerifier } from './ports.ts';

export interface ParentCommit {
  /** Whether this vote is one that is still missing. */
  wants(vote: Vote): boolean;
  /** Public key to check such a vote with. */
  keyOf(validator: Address): Uint8Array;
  /** Adds a checked vote; true if it was the last one missing. */
  add(vote: Vote): boolean;
  complete(): boolean;
  lastCommit(): LastCommit;
}

/** From the precommits that decided. */
export function collectParentCommit(
  set: ValidatorSet,
  certificate: CommitCertificate,
  precommits: readonly Vote[],
  bls: BlsVerifier,
): ParentCommit {
  const votes = new Map<Address, Vote>(precommits.map((vote) => [vote.validator, vote]));
  return {
    wants: (vote) =>
      vote.type === 'precommit' &&
      vote.height === certificate.height &&
      vote.round === certificate.round &&
      vote.blockHash === certificate.blockHash &&
      !votes.has(vote.validator) &&
      indexOfValidator(set, vote.validator) >= 0,
    keyOf: (validator) => set.validators[indexOfValidator(set, validator)]!.blsPublicKey,
    add(vote) {
      votes.set(vote.validator, vote);
      return votes.size === set.validators.length;
    },
    complete: () => votes.size === set.validators.length,
    lastCommit: () => toLastCommit(makeCertificate(set, [...votes.values()], bls.aggregate)),
  };
}

/** After sync or a restart only the certificate is known; an aggregate cannot grow by single votes that it may hold. */
export function fixedParentCommit(certificate: CommitCertificate): ParentCommit {
  const lastCommit = toLastCommit(certificate);
  return {
    wants: () => false,
    keyOf: () => new Uint8Array(0),
    add: () => false,
    complete: () => true,
    lastCommit: () => lastCommit,
  };
}
