/** Why bytes, sets or messages were refused. The code decides what happens to the peer that sent them. */
export type ConsensusErrorCode =
  /** Bytes that are not the canonical encoding of anything. */
  | 'MALFORMED'
  /** A number, list or size beyond its limit. */
  | 'LIMIT'
  /** A validator set that cannot exist: empty, duplicate, out of order, without power. */
  | 'BAD_SET'
  /** Evidence that proves nothing. */
  | 'BAD_EVIDENCE'
  /** A certificate without a quorum or with a wrong signature. */
  | 'BAD_CERTIFICATE'
  /** The log is damaged elsewhere than at its end. */
  | 'WAL_DAMAGED'
  /** The last-signed record is damaged. */
  | 'LAST_SIGNED_DAMAGED'
  /** A promise of the code to itself was broken. */
  | 'INTERNAL';

export class ConsensusError extends Error {
  override name = 'ConsensusError';
  readonly code: ConsensusErrorCode;
  constructor(code: ConsensusErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Assertion that stays on in production. @throws ConsensusError INTERNAL */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ConsensusError('INTERNAL', `internal error in consensus: ${message}`);
}
