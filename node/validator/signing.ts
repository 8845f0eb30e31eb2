/** The only place where the validator's key is used. Nothing is signed before the guard's record is durable. */
import { proposalSignBytes, revealSignBytes, voteSignBytes } from '../../consensus/sign-bytes.ts';
import type { Hash, Height, Round, UnsignedProposal, UnsignedVote } from '../../consensus/types.ts';
import {
  decideSigning,
  decodeLastSigned,
  encodeLastSigned,
  type LastSigned,
  SIGN_STEP,
  type SignStep,
} from '../../consensus/wal/last-signed.ts';
import type { Log, Signer, Storage } from './ports.ts';

export const LAST_SIGNED_FILE = 'last-signed';

export interface SigningGuard {
  /** undefined if the key has never signed as far as this directory knows. */
  last(): LastSigned | undefined;
  /** Signature, or null if signing this could contradict what was signed before. */
  signVote(vote: UnsignedVote): Uint8Array | null;
  signProposal(proposal: UnsignedProposal): Uint8Array | null;
  /** Contribution to the randomness of a height. There is one per height, so nothing can contradict it. */
  signReveal(height: Height): Uint8Array;
}

/** @throws ConsensusError LAST_SIGNED_DAMAGED */
export function createSigningGuard(parts: {
  readonly storage: Storage;
  readonly signer: Signer;
  readonly genesisHash: Hash;
  readonly log: Log;
}): SigningGuard {
  const { storage, signer, genesisHash, log } = parts;
  const stored = storage.readFile(LAST_SIGNED_FILE);
  let last = stored === undefined ? undefined : decodeLastSigned(stored, LAST_SIGNED_FILE);

  const sign = (height: Height, round: Round, step: SignStep, message: Uint8Array): Uint8Array | null => {
    const decision = decideSigning(last, { height, round, step, message });
    if (decision.decision === 'refuse') {
      log('warn', `not signing: ${decision.reason}`, { height, round });
      return null;
    }
    if (decision.decision === 'sign') {
      storage.replaceFile(LAST_SIGNED_FILE, encodeLastSigned(decision.next));
      last = decision.next;
    }
    return signer.sign(message);
  };

  return {
    last: () => last,
    signVote: (vote) => sign(vote.height, vote.round, SIGN_STEP[vote.type], voteSignBytes(genesisHash, vote)),
    signProposal: (proposal) =>
      sign(proposal.height, proposal.round, SIGN_STEP.proposal, proposalSignBytes(genesisHash, proposal)),
    signReveal: (height) => signer.sign(revealSignBytes(genesisHash, height)),
  };
}
