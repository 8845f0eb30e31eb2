/**
 * The envelope of the native types:
 * `type ‖ rlp([chainId, nonce, maxPriorityFeePerGas, maxFeePerGas, gasLimit, value, op, fields…, yParity, r, s])`,
 * signed as EIP-1559 transactions are: the signature covers keccak of the same without its last three items.
 */
import {
  addressOfPublicKey,
  bigintToBytes,
  concat,
  keccak256,
  recoverPublicKey,
  SECP256K1_HALF_N,
  SECP256K1_N,
  signHash,
  toHex,
} from '../crypto.ts';
import type { ModuleTable } from '../execution/module-table.ts';
import { encodeRlp, type RlpItem, rlpBigint, rlpBytes, rlpList, rlpNumber } from '../rlp.ts';
import type { NativeField, PooledTransaction } from '../types.ts';
import { TransactionError } from './errors.ts';

/** Items before the fields and after them. */
const HEAD_ITEMS = 7;
const SIGNATURE_ITEMS = 3;
const MAX_U64 = 0xffff_ffff_ffff_ffffn;

export interface UnsignedNative {
  type: number;
  chainId: bigint;
  nonce: bigint;
  maxPriorityFeePerGas: bigint;
  maxFeePerGas: bigint;
  gasLimit: bigint;
  value: bigint;
  op: number;
  fields: NativeField[];
}

function unsignedItems(tx: UnsignedNative): RlpItem[] {
  return [
    bigintToBytes(tx.chainId),
    bigintToBytes(tx.nonce),
    bigintToBytes(tx.maxPriorityFeePerGas),
    bigintToBytes(tx.maxFeePerGas),
    bigintToBytes(tx.gasLimit),
    bigintToBytes(tx.value),
    bigintToBytes(BigInt(tx.op)),
    ...tx.fields,
  ];
}

/** Hash that the sender of a native transaction signs. */
export function nativeSigningHash(tx: UnsignedNative): Uint8Array {
  return keccak256(concat(Uint8Array.of(tx.type), encodeRlp(unsignedItems(tx))));
}

/** Signs and encodes. The bytes are what `eth_sendRawTransaction` takes. */
export function encodeNative(tx: UnsignedNative, privateKey: Uint8Array): Uint8Array {
  const { r, s, yParity } = signHash(nativeSigningHash(tx), privateKey);
  return concat(
    Uint8Array.of(tx.type),
    encodeRlp([...unsignedItems(tx), bigintToBytes(BigInt(yParity)), bigintToBytes(r), bigintToBytes(s)]),
  );
}

/** @throws TransactionError, RlpError. `items` is the decoded list behind the type byte. */
export function parseNative(
  type: number,
  raw: Uint8Array,
  list: RlpItem,
  chainId: bigint,
  modules: ModuleTable,
): PooledTransaction {
  const module = modules.ofType(type);
  if (module === undefined)
    throw new TransactionError(
      'UNSUPPORTED_TYPE',
      `transaction type 0x${type.toString(16)} is not in use yet`,
    );
  const items = rlpList(list);
  if (items.length < HEAD_ITEMS + SIGNATURE_ITEMS)
    throw new TransactionError(
      'MALFORMED',
      `not a transaction: a native one has at least ${HEAD_ITEMS + SIGNATURE_ITEMS} items, this has ${items.length}`,
    );
  const fields = items.slice(HEAD_ITEMS, -SIGNATURE_ITEMS) as NativeField[];
  const [yItem, rItem, sItem] = items.slice(-SIGNATURE_ITEMS);
  const unsigned: UnsignedNative = {
    type,
    chainId: rlpBigint(items[0]),
    nonce: rlpBigint(items[1], 8),
    maxPriorityFeePerGas: rlpBigint(items[2]),
    maxFeePerGas: rlpBigint(items[3]),
    gasLimit: rlpBigint(items[4], 8),
    value: rlpBigint(items[5]),
    op: rlpNumber(items[6]),
    fields,
  };
  if (unsigned.chainId !== chainId)
    throw new TransactionError(
      'WRONG_CHAIN_ID',
      `invalid sender: invalid chain id for signer: have ${unsigned.chainId} want ${chainId}`,
    );
  if ((unsigned.gasLimit * unsigned.maxFeePerGas) >> 256n !== 0n || unsigned.nonce === MAX_U64)
    throw new TransactionError('MALFORMED', 'gas limit times fee, or nonce, is out of range');
  const yParity = rlpNumber(yItem);
  const r = rlpBigint(rItem);
  const s = rlpBigint(sItem);
  if (yParity > 1 || r === 0n || r >= SECP256K1_N || s === 0n || s > SECP256K1_HALF_N)
    throw new TransactionError('BAD_SIGNATURE', 'the signature is out of range');
  const key = recoverPublicKey(nativeSigningHash(unsigned), rlpBytes(rItem), rlpBytes(sItem), yParity);
  if (key === undefined) throw new TransactionError('BAD_SIGNATURE', 'no account made this signature');
  const data = module.encodeNative(unsigned.op, fields);
  if (data === undefined)
    throw new TransactionError(
      'MALFORMED_OPERATION',
      `operation ${unsigned.op} of ${module.name} does not have these fields`,
    );
  return {
    hash: toHex(keccak256(raw)),
    raw,
    type,
    from: toHex(addressOfPublicKey(key)),
    to: module.address,
    nonce: unsigned.nonce,
    value: unsigned.value,
    gasLimit: unsigned.gasLimit,
    maxFeePerGas: unsigned.maxFeePerGas,
    maxPriorityFeePerGas: unsigned.maxPriorityFeePerGas,
    data,
    chainId,
    native: { op: unsigned.op, fields },
    v: BigInt(yParity),
    r,
    s,
  };
}
