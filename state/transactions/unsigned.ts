/** Transactions that nobody signed, as bytes: simulations show blocks of them. */
import { bigintToBytes, concat, fromHex, keccak256, toHex } from '../crypto.ts';
import { encodeRlp, type RlpItem } from '../rlp.ts';
import type { PooledTransaction } from '../types.ts';

export type UnsignedTransaction = Omit<PooledTransaction, 'hash' | 'raw' | 'v' | 'r' | 's'>;

/** Types 0, 1, 2 and 4 with a signature of zeros, as geth hashes them. */
export function withoutSignature(tx: UnsignedTransaction): PooledTransaction {
  const raw = encode(tx);
  return { ...tx, raw, hash: toHex(keccak256(raw)), v: 0n, r: 0n, s: 0n };
}

function encode(tx: UnsignedTransaction): Uint8Array {
  const to = tx.to === null ? new Uint8Array(0) : fromHex(tx.to);
  const none = bigintToBytes(0n);
  const chainId = bigintToBytes(tx.chainId ?? 0n);
  const nonce = bigintToBytes(tx.nonce);
  const feeCap = bigintToBytes(tx.maxFeePerGas);
  const rest = [bigintToBytes(tx.gasLimit), to, bigintToBytes(tx.value), tx.data];
  const signature = [none, none, none];
  const accessList: RlpItem = (tx.accessList ?? []).map(({ address, storageKeys }) => [
    fromHex(address),
    storageKeys.map((slot) => fromHex(slot)),
  ]);
  if (tx.type === 0) return encodeRlp([nonce, feeCap, ...rest, ...signature]);
  if (tx.type === 1)
    return concat(Uint8Array.of(1), encodeRlp([chainId, nonce, feeCap, ...rest, accessList, ...signature]));
  const authorizations: RlpItem = (tx.authorizationList ?? []).map((item) => [
    bigintToBytes(item.chainId),
    fromHex(item.address),
    bigintToBytes(item.nonce),
    bigintToBytes(BigInt(item.yParity)),
    bigintToBytes(item.r),
    bigintToBytes(item.s),
  ]);
  return concat(
    Uint8Array.of(tx.type),
    encodeRlp([
      chainId,
      nonce,
      bigintToBytes(tx.maxPriorityFeePerGas),
      feeCap,
      ...rest,
      accessList,
      ...(tx.type === 4 ? [authorizations] : []),
      ...signature,
    ]),
  );
}
