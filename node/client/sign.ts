/** Signing on this side of the wire: nodes hold no accounts' keys. */

import {
  bigintToBytes,
  concat,
  EMPTY_BYTES,
  fromHex,
  keccak256,
  keccakHex,
  signHash,
} from '../../state/crypto.ts';
import { encodeRlp, type RlpItem } from '../../state/rlp.ts';
import { encodeNative } from '../../state/transactions/native.ts';
import type { Hex, NativeField } from '../../state/types.ts';

export interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

export interface Envelope extends Fees {
  readonly chainId: number;
  readonly nonce: bigint;
  readonly gasLimit: bigint;
  readonly value: bigint;
}

export interface SignedTransaction {
  readonly raw: Uint8Array;
  readonly hash: Hex;
}

/** An EIP-1559 transaction (type 2) with an empty access list. `to` null creates a contract. */
export function signEip1559(
  transaction: Envelope & { readonly to: Hex | null; readonly data: Uint8Array },
  privateKey: Uint8Array,
): SignedTransaction {
  return sign(
    2,
    [
      ...prefix(transaction),
      transaction.to === null ? EMPTY_BYTES : fromHex(transaction.to, 20),
      bigintToBytes(transaction.value),
      transaction.data,
      [],
    ],
    privateKey,
  );
}

/** A native transaction: the module's type, an operation number and its fields (docs/execution.md). */
export function signNative(
  transaction: Envelope & { readonly type: number; readonly op: number; readonly fields: NativeField[] },
  privateKey: Uint8Array,
): SignedTransaction {
  const raw = encodeNative({ ...transaction, chainId: BigInt(transaction.chainId) }, privateKey);
  return { raw, hash: keccakHex(raw) };
}

function prefix({ chainId, nonce, maxPriorityFeePerGas, maxFeePerGas, gasLimit }: Envelope): RlpItem[] {
  return [BigInt(chainId), nonce, maxPriorityFeePerGas, maxFeePerGas, gasLimit].map(bigintToBytes);
}

/** type || rlp(fields || yParity || r || s), signed over keccak(type || rlp(fields)). */
function sign(type: number, fields: RlpItem[], privateKey: Uint8Array): SignedTransaction {
  const tag = Uint8Array.of(type);
  const { r, s, yParity } = signHash(keccak256(concat(tag, encodeRlp(fields))), privateKey);
  const raw = concat(tag, encodeRlp([...fields, ...[BigInt(yParity), r, s].map(bigintToBytes)]));
  return { raw, hash: keccakHex(raw) };
}
