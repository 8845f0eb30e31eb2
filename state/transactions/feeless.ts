import { keccak256, toHex } from '../crypto.ts';
import type { Hex, PooledTransaction } from '../types.ts';

/** A transaction that the protocol itself carries: it pays nothing, runs no code of its own and counts no nonce. */
export function feelessTransaction(
  raw: Uint8Array,
  { type, from, to, chainId }: { type: number; from: Hex; to: Hex; chainId: number | bigint },
): PooledTransaction {
  return {
    hash: toHex(keccak256(raw)),
    raw,
    type,
    from,
    to,
    nonce: 0n,
    value: 0n,
    gasLimit: 0n,
    maxFeePerGas: 0n,
    maxPriorityFeePerGas: 0n,
    data: raw.slice(1),
    chainId: BigInt(chainId),
    v: 0n,
    r: 0n,
    s: 0n,
  };
}
