import type { Hex, PooledTransaction } from '../../state/types.ts';

/** Why the pool refuses a transaction. The messages begin with go-ethereum's texts: wallets parse them. */
export type RefusalCode =
  | 'ALREADY_KNOWN'
  /** Not the encoding of a transaction, a wrong signature, another chain, a type this chain does not have. */
  | 'INVALID'
  | 'OVERSIZED'
  | 'NONCE_TOO_LOW'
  | 'NONCE_TOO_HIGH'
  | 'INSUFFICIENT_FUNDS'
  | 'INTRINSIC_GAS'
  | 'GAS_LIMIT'
  | 'FEES'
  | 'UNDERPRICED'
  | 'REPLACEMENT_UNDERPRICED'
  | 'ACCOUNT_LIMIT'
  | 'POOL_FULL'
  /** An attestation of a subject that is not known, or is settled. */
  | 'NOT_NEEDED'
  | 'SENDER_HAS_CODE'
  | 'UNPROTECTED';

export interface Refusal {
  readonly ok: false;
  readonly code: RefusalCode;
  readonly message: string;
}
export interface Admission {
  readonly ok: true;
  readonly hash: Hex;
  /** Executable now, or waiting for a lower nonce. */
  readonly executable: boolean;
}
export type AddResult = Admission | Refusal;

/** What the pool reads of a sender at the head. */
export interface PoolAccount {
  nonce: bigint;
  balance: bigint;
  /** Code of its own (EIP-3607 refuses it as a sender), or a delegation (EIP-7702 allows it). */
  code: 'none' | 'delegation' | 'contract';
}

/**
 * Whether an executable transaction may be proposed now. `held` transactions keep their place and are asked again
 * when the head moves or `recheck` is called; what they wait for is the gate's business.
 */
export type GateAnswer = { state: 'ready' } | { state: 'held'; reason: string };

/** Everything that the pool asks of the chain; the executor gives it, synchronously, at the head. */
export interface PoolChain {
  /** Recovers the sender. Throws an error with a message for the client when the bytes are not a transaction. */
  decode(raw: Uint8Array): PooledTransaction;
  account(address: Hex): PoolAccount;
  headNumber(): number;
  /** Base fee of a block made now. */
  nextBaseFee(): bigint;
  /** Gas that the transaction pays before it runs; `floor` is EIP-7623's minimum. */
  intrinsicGas(transaction: PooledTransaction): { intrinsic: bigint; floor: bigint };
  /** Largest gas limit of one transaction (EIP-7825, block gas limit). */
  maxTransactionGas(): { perTransaction: bigint; perBlock: bigint };
  minBaseFee(): bigint;
  gate(transaction: PooledTransaction): GateAnswer;
}

/** Where acknowledged transactions survive a restart. */
export interface PoolJournal {
  /** The transactions of the last run. A torn end is dropped. */
  load(): Uint8Array[];
  append(raws: readonly Uint8Array[]): void;
  rewrite(raws: readonly Uint8Array[]): void;
  /** Bytes in the file now. */
  size(): number;
  close(): void;
}

/** `local`: given to this node by its user; kept until included or replaced. `remote`: heard from peers. */
export type Origin = 'local' | 'remote';
