/** Whether a decoded transaction can run on a given state: shared by the executor and by the pool. */
import { hasCode } from '../accounts/account.ts';
import type { PooledTransaction } from '../types.ts';
import { TransactionError } from './errors.ts';

/** What the sender's account says. */
export interface SenderState {
  nonce: bigint;
  balance: bigint;
  codeHash: Uint8Array;
}

const MAX_NONCE = 0xffff_ffff_ffff_ffffn;

/** Most wei that the transaction can take from its sender. */
export function maximumCost(tx: PooledTransaction): bigint {
  return tx.gasLimit * tx.maxFeePerGas + tx.value;
}

/** EIP-7702: the code of an account that delegates. */
export function isDelegation(code: Uint8Array): boolean {
  return code.length === 23 && code[0] === 0xef && code[1] === 0x01 && code[2] === 0x00;
}

/**
 * First reason for which `tx` cannot be included now, or undefined. Texts are geth's, since wallets parse them.
 * @param sender undefined for an account that is not in the state
 */
export function stateProblem(
  tx: PooledTransaction,
  sender: SenderState | undefined,
  codeOfSender: () => Uint8Array,
  baseFeePerGas: bigint,
): TransactionError | undefined {
  const nonce = sender?.nonce ?? 0n;
  const balance = sender?.balance ?? 0n;
  if (tx.nonce < nonce)
    return new TransactionError(
      'NONCE_TOO_LOW',
      `nonce too low: address ${tx.from}, tx: ${tx.nonce} state: ${nonce}`,
    );
  if (tx.nonce > nonce)
    return new TransactionError(
      'NONCE_TOO_HIGH',
      `nonce too high: address ${tx.from}, tx: ${tx.nonce} state: ${nonce}`,
    );
  if (nonce === MAX_NONCE)
    return new TransactionError('NONCE_EXHAUSTED', `nonce has max value: address ${tx.from}`);
  if (sender !== undefined && hasCode(sender)) {
    if (!isDelegation(codeOfSender()))
      return new TransactionError('SENDER_NOT_EOA', `sender not an eoa: address ${tx.from}`);
  }
  if (tx.maxFeePerGas < baseFeePerGas)
    return new TransactionError(
      'FEE_TOO_LOW',
      `max fee per gas less than block base fee: address ${tx.from}, maxFeePerGas: ${tx.maxFeePerGas}, baseFee: ${baseFeePerGas}`,
    );
  const cost = maximumCost(tx);
  if (balance < cost)
    return new TransactionError(
      'INSUFFICIENT_FUNDS',
      `insufficient funds for gas * price + value: address ${tx.from} have ${balance} want ${cost}`,
    );
  return undefined;
}
