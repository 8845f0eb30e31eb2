/** The only place where the validator's key is used. Nothing is signed before the guard's record is durable. */
import { proposalSignBytes, revealSignBytes, voteSignBytes } from '../../consensus/sign-bytes.ts';
import type { Hash, Height, UnsignedProposal, UnsignedVote } from '../../consensus/types.ts';
import {
  decideSigning,
  decodeLastSigned,
  encodeLastSigned,
  FREE_TO_SIGN,
  isPastUnknown,
  type LastSigned,
  NEVER_SIGNED,
  SIGN_STEP,
} from '../../consensus/wal/last-signed.ts';
import type { Log, Signer, Storage } from './ports.ts';

export const LAST_SIGNED_FILE = 'last-signed';

export interface SigningGuard {
  /** undefined if there is no record: the key may have signed anything. */
  last(): LastSigned | undefined;
  /** Writes down that the key has never signed; does nothing if there is a record. */
  declareNew(): void;
  /** Writes down that the key's past is known; does nothing once it has signed. */
  declareFree(): void;
  /**
   * Signature, or null if signing this could contradict what was signed before.
   * @param loggedBefore own signatures of this height that the log holds durably
   */
  signVote(vote: UnsignedVote, loggedBefore: number): Uint8Array | null;
  signProposal(proposal: UnsignedProposal, loggedBefore: number): Uint8Array | null;
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

  const sign = (next: LastSigned): Uint8Array | null => {
    const decision = decideSigning(last, next);
    if (decision.decision === 'refuse') {
      log('warn', `not signing: ${decision.reason}`, { height: next.height, round: next.round });
      return null;
    }
    if (decision.decision === 'sign') {
      storage.replaceFile(LAST_SIGNED_FILE, encodeLastSigned(next));
      last = next;
    }
    return signer.sign(next.message);
  };

  return {
    last: () => last,
    declareNew() {
      if (last !== undefined) return;
      storage.replaceFile(LAST_SIGNED_FILE, encodeLastSigned(NEVER_SIGNED));
      last = NEVER_SIGNED;
    },
    declareFree() {
      if (last === undefined || !isPastUnknown(last)) return;
      storage.replaceFile(LAST_SIGNED_FILE, encodeLastSigned(FREE_TO_SIGN));
      last = FREE_TO_SIGN;
    },
    signVote: (vote, loggedBefore) =>
      sign({
        height: vote.height,
        round: vote.round,
        step: SIGN_STEP[vote.type],
        loggedBefore,
        message: voteSignBytes(genesisHash, vote),
      }),
    signProposal: (proposal, loggedBefore) =>
      sign({
        height: proposal.height,
        round: proposal.round,
        step: SIGN_STEP.proposal,
        loggedBefore,
        message: proposalSignBytes(genesisHash, proposal),
      }),
    signReveal: (height) => signer.sign(revealSignBytes(genesisHash, height)),
  };
}
