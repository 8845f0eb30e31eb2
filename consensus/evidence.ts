/** Equivocation: one key, two different things for the same height, round and step. */
import { compareBytes, equalBytes } from './bytes.ts';
import { encodeProposal, encodeVote } from './codec.ts';
import { proposalSignBytes, voteSignBytes } from './sign-bytes.ts';
import type { Address, Evidence, Hash, Height, Proposal, ValidatorSet, Vote } from './types.ts';
import { findValidator } from './validator-set/set.ts';

/** True if `signature` over `message` is right for the key; false on malformed input. */
export type VerifySignature = (message: Uint8Array, publicKey: Uint8Array, signature: Uint8Array) => boolean;

export function voteEvidence(a: Vote, b: Vote): Evidence {
  const [first, second] = compareBytes(encodeVote(a), encodeVote(b)) < 0 ? [a, b] : [b, a];
  return { kind: 'votes', first, second };
}

export function proposalEvidence(a: Proposal, b: Proposal): Evidence {
  const [first, second] = compareBytes(encodeProposal(a), encodeProposal(b)) < 0 ? [a, b] : [b, a];
  return { kind: 'proposals', first, second };
}

export function offenderOf(evidence: Evidence): Address {
  return evidence.kind === 'votes' ? evidence.first.validator : evidence.first.proposer;
}

export function heightOfEvidence(evidence: Evidence): Height {
  return evidence.first.height;
}

export type EvidenceProblem =
  /** The halves are of different keys, heights, rounds or types. */
  | 'NOT_COMPARABLE'
  /** The halves say the same thing. */
  | 'NO_CONFLICT'
  | 'NOT_A_VALIDATOR'
  | 'WRONG_SIGNATURE';

/**
 * Whether the evidence convicts somebody. `set` is set(height of the evidence); age and uniqueness are for the
 * executor. undefined means guilty.
 */
export function verifyEvidence(
  evidence: Evidence,
  set: ValidatorSet,
  genesisHash: Hash,
  verify: VerifySignature,
): EvidenceProblem | undefined {
  const { first, second } = evidence;
  if (first.height !== second.height || first.round !== second.round) return 'NOT_COMPARABLE';
  let messages: readonly [Uint8Array, Uint8Array];
  let offender: Address;
  if (evidence.kind === 'votes') {
    const { first: a, second: b } = evidence;
    if (a.validator !== b.validator || a.type !== b.type) return 'NOT_COMPARABLE';
    if (a.blockHash === b.blockHash) return 'NO_CONFLICT';
    messages = [voteSignBytes(genesisHash, a), voteSignBytes(genesisHash, b)];
    offender = a.validator;
  } else {
    const { first: a, second: b } = evidence;
    if (a.proposer !== b.proposer) return 'NOT_COMPARABLE';
    messages = [proposalSignBytes(genesisHash, a), proposalSignBytes(genesisHash, b)];
    // A correct proposer signs once a round: another time stamp or validRound is an offence as well.
    if (equalBytes(messages[0], messages[1])) return 'NO_CONFLICT';
    offender = a.proposer;
  }
  const validator = findValidator(set, offender);
  if (validator === undefined) return 'NOT_A_VALIDATOR';
  const signed =
    verify(messages[0], validator.blsPublicKey, first.signature) &&
    verify(messages[1], validator.blsPublicKey, second.signature);
  return signed ? undefined : 'WRONG_SIGNATURE';
}
