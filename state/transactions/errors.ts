/** Why bytes are not a transaction, or a transaction cannot be included. */
export type TransactionErrorCode =
  /** More bytes than `LIMITS.maxTransactionBytes`. */
  | 'TOO_LARGE'
  /** Not one canonical encoding of a transaction. */
  | 'MALFORMED'
  /** A type byte that this chain does not know or does not accept (blobs, deposits, system transactions). */
  | 'UNSUPPORTED_TYPE'
  /** Signed for another chain. */
  | 'WRONG_CHAIN_ID'
  /** No account made this signature, or s is above half the group's order. */
  | 'BAD_SIGNATURE'
  /** Fields of a native operation do not fit its interface. */
  | 'MALFORMED_OPERATION'
  /** Priority fee above the maximum fee. */
  | 'TIP_ABOVE_FEE'
  /** Gas limit below what the transaction costs before it runs. */
  | 'INTRINSIC_GAS'
  /** Gas limit above the cap of one transaction (EIP-7825). */
  | 'GAS_ABOVE_CAP'
  /** Initialisation code above 49,152 bytes (EIP-3860). */
  | 'INITCODE_TOO_LARGE'
  | 'NONCE_TOO_LOW'
  | 'NONCE_TOO_HIGH'
  /** The account's nonce is 2^64-1 and can never rise (EIP-2681). */
  | 'NONCE_EXHAUSTED'
  | 'INSUFFICIENT_FUNDS'
  /** Maximum fee below the block's base fee. */
  | 'FEE_TOO_LOW'
  /** The sender's account has code that is not a delegation (EIP-3607). */
  | 'SENDER_NOT_EOA'
  /** A system transaction that proves no offence, or one that is too old, punished or out of place. */
  | 'BAD_EVIDENCE'
  /** Evidence of a height that is not decided yet: fits into a later block. */
  | 'EVIDENCE_TOO_EARLY'
  /** A transaction of type 0x54 that says nothing new, is not signed right, or is out of place. */
  | 'BAD_ATTESTATION'
  /** One whose subject is not known, or whose turn has not come: may fit into a later block. */
  | 'ATTESTATION_TOO_EARLY'
  /** Gas limit above what is left in the block. */
  | 'BLOCK_GAS_EXCEEDED'
  /** Attribution units above what is left in the block. */
  | 'ATTRIBUTION_EXCEEDED';

export class TransactionError extends Error {
  override name = 'TransactionError';
  readonly code: TransactionErrorCode;
  constructor(code: TransactionErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
