import { AttributionError } from '../errors.ts';

/** Every reason for which a verifier refuses is this one error: a proof holds as a whole or not at all. */
export function invalidProof(reason: string): AttributionError {
  return new AttributionError('InvalidProof', `The proof does not hold: ${reason}.`);
}

/** A proof that would be larger than a node makes or a verifier reads. */
export function proofTooLarge(reason: string): AttributionError {
  return new AttributionError('ProofTooLarge', reason);
}
