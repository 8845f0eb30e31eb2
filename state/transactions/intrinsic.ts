/** What a transaction costs before it runs. The formulas of Osaka; the native door has its own (docs/execution.md). */
import { greater } from '../crypto.ts';
import { encodeRlp } from '../rlp.ts';
import type { PooledTransaction } from '../types.ts';

const BASE = 21_000;
const ZERO_BYTE = 4;
const OTHER_BYTE = 16;
/** EIP-7623: a transaction pays at least this much per token of calldata (a zero byte is one, another four). */
const FLOOR_PER_TOKEN = 10;
const CREATION = 32_000;
/** EIP-3860 */
const INITCODE_WORD = 2;
/** EIP-2930 */
const LISTED_ADDRESS = 2_400;
const LISTED_SLOT = 1_900;
/** EIP-7702 */
const AUTHORIZATION = 25_000;

export const MAX_INITCODE_BYTES = 49_152;

type Priced = Pick<PooledTransaction, 'to' | 'data' | 'accessList' | 'authorizationList' | 'native'>;

function countZeros(data: Uint8Array): number {
  let zeros = 0;
  for (let i = 0; i < data.length; i++) if (data[i] === 0) zeros++;
  return zeros;
}

/** Bytes that a native transaction pays for: its encoded fields, not the calldata that they become. */
export function nativePayload(native: NonNullable<PooledTransaction['native']>): Uint8Array {
  return encodeRlp(native.fields);
}

/** Gas that is used before the first instruction. */
export function intrinsicGas(tx: Priced): bigint {
  const paid = tx.native === undefined ? tx.data : nativePayload(tx.native);
  const zeros = countZeros(paid);
  let gas = BASE + zeros * ZERO_BYTE + (paid.length - zeros) * OTHER_BYTE;
  if (tx.to === null) gas += CREATION + INITCODE_WORD * Math.ceil(tx.data.length / 32);
  for (const { storageKeys } of tx.accessList ?? []) gas += LISTED_ADDRESS + storageKeys.length * LISTED_SLOT;
  gas += (tx.authorizationList?.length ?? 0) * AUTHORIZATION;
  return BigInt(gas);
}

/** Least gas that a transaction uses (EIP-7623); 0 for the native door, whose bytes are priced by its modules. */
export function floorGas(tx: Priced): bigint {
  if (tx.native !== undefined) return 0n;
  const zeros = countZeros(tx.data);
  return BigInt(BASE + FLOOR_PER_TOKEN * (zeros + 4 * (tx.data.length - zeros)));
}

/** Least gas limit with which the transaction can be included. */
export function minimumGasLimit(tx: Priced): bigint {
  return greater(intrinsicGas(tx), floorGas(tx));
}
