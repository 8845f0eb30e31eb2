/** Bytes to a transaction whose sender is known: the one door by which transactions come in. */
import { createTxFromRLP, type TypedTransaction } from '@ethereumjs/tx';
import {
  addressOfPublicKey,
  bigintToBytes,
  bytesToBigint,
  equalBytes,
  keccak256,
  recoverPublicKey,
  SECP256K1_HALF_N,
  SECP256K1_N,
  toHex,
} from '../crypto.ts';
import { CHAIN_FORK, commonOf, type Fork } from '../execution/common.ts';
import { type ModuleTable, moduleTable } from '../execution/module-table.ts';
import { LIMITS } from '../limits.ts';
import { decodeRlp, RlpError, type RlpItem } from '../rlp.ts';
import { Fault, type Hex, type PooledTransaction } from '../types.ts';
import { ATTESTATION_TYPE } from './attestation.ts';
import { TransactionError, type TransactionErrorCode } from './errors.ts';
import { intrinsicGas, MAX_INITCODE_BYTES, minimumGasLimit } from './intrinsic.ts';
import { parseNative } from './native.ts';
import { parseUsual } from './usual.ts';

export const FIRST_NATIVE_TYPE = 0x50;
export const LAST_NATIVE_TYPE = 0x58;

/**
 * Decodes types 0, 1, 2, 4 and the native types, recovers the sender, and checks everything that does not depend
 * on a state. `raw` is kept by reference.
 * @throws TransactionError
 */
export function decodeTransaction(
  raw: Uint8Array,
  chainId: number | bigint,
  modules: ModuleTable = moduleTable,
  fork: Fork = CHAIN_FORK,
): PooledTransaction {
  if (raw.length > LIMITS.maxTransactionBytes)
    throw new TransactionError(
      'TOO_LARGE',
      `transaction of ${raw.length} bytes, at most ${LIMITS.maxTransactionBytes}`,
    );
  const first = raw[0];
  if (first === undefined) throw notOne('no bytes');
  let tx: PooledTransaction;
  if (first >= 0xc0 || first === 1 || first === 2 || first === 4)
    tx = parseEthereum(raw, Number(chainId), fork);
  else if (first === ATTESTATION_TYPE)
    throw new TransactionError(
      'UNSUPPORTED_TYPE',
      'attestations are no ordinary transactions: validators make them by themselves',
    );
  else if (first >= FIRST_NATIVE_TYPE && first <= LAST_NATIVE_TYPE) {
    try {
      tx = parseNative(first, raw, readItems(raw.subarray(1)), BigInt(chainId), modules);
    } catch (error) {
      if (error instanceof RlpError) throw notOne(error.message);
      throw error;
    }
  } else
    throw new TransactionError(
      'UNSUPPORTED_TYPE',
      `transaction type 0x${first.toString(16)} is not accepted on this chain`,
    );
  checkAlone(tx, fork);
  return tx;
}

function readItems(bytes: Uint8Array): RlpItem {
  return decodeRlp(bytes, LIMITS.maxRlpDepth, LIMITS.maxTransactionItems);
}

/** @throws TransactionError for what is wrong whatever the state is. */
export function checkAlone(tx: PooledTransaction, fork: Fork = CHAIN_FORK): void {
  if (tx.maxPriorityFeePerGas > tx.maxFeePerGas)
    throw new TransactionError('TIP_ABOVE_FEE', 'max priority fee per gas higher than max fee per gas');
  if (fork === 'osaka' && tx.gasLimit > LIMITS.transactionGasCap)
    throw new TransactionError(
      'GAS_ABOVE_CAP',
      `transaction gas limit too high (cap: ${LIMITS.transactionGasCap}, tx: ${tx.gasLimit})`,
    );
  if (tx.to === null && tx.data.length > MAX_INITCODE_BYTES)
    throw new TransactionError(
      'INITCODE_TOO_LARGE',
      `max initcode size exceeded: code size ${tx.data.length} limit ${MAX_INITCODE_BYTES}`,
    );
  const intrinsic = intrinsicGas(tx);
  // The floor price of calldata came with Prague.
  const minimum = fork === 'cancun' ? intrinsic : minimumGasLimit(tx);
  if (tx.gasLimit >= minimum) return;
  const isBelowFloor = tx.gasLimit >= intrinsic;
  throw new TransactionError(
    'INTRINSIC_GAS',
    `${isBelowFloor ? 'insufficient gas for floor data gas cost' : 'intrinsic gas too low'}: gas ${tx.gasLimit}, minimum needed ${isBelowFloor ? minimum : intrinsic}`,
  );
}

interface FeeFields {
  gasPrice?: bigint;
  maxFeePerGas?: bigint;
  maxPriorityFeePerGas?: bigint;
  accessList?: [Uint8Array, Uint8Array[]][];
  authorizationList?: Uint8Array[][];
}

function parseEthereum(raw: Uint8Array, chainId: number, fork: Fork): PooledTransaction {
  let items: RlpItem;
  try {
    items = readItems(raw[0]! >= 0xc0 ? raw : raw.subarray(1));
  } catch (error) {
    if (error instanceof RlpError) throw notOne(error.message);
    throw error;
  }
  checkChain(items, raw[0]! >= 0xc0, BigInt(chainId));
  return parseUsual(raw, items, BigInt(chainId), fork) ?? parseByLibrary(raw, chainId, fork);
}

/** Whatever form it has. @throws TransactionError */
export function parseByLibrary(raw: Uint8Array, chainId: number, fork: Fork): PooledTransaction {
  let parsed: TypedTransaction;
  try {
    parsed = createTxFromRLP(raw, { common: commonOf(chainId, fork), freeze: false });
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw fromLibrary(error as Error);
  }
  const { v, r, s } = parsed;
  if (v === undefined || r === undefined || s === undefined)
    throw new TransactionError('BAD_SIGNATURE', 'the transaction is not signed');
  // One transaction has one encoding, and so one hash.
  if (!equalBytes(parsed.serialize(), raw))
    throw new TransactionError('MALFORMED', 'not the canonical encoding of this transaction');
  if (r === 0n || r >= SECP256K1_N || s === 0n || s > SECP256K1_HALF_N)
    throw new TransactionError('BAD_SIGNATURE', 'the signature is out of range');
  const protectedBy155 = parsed.type === 0 && v >= 35n;
  const yParity = parsed.type !== 0 ? v : protectedBy155 ? v - 35n - 2n * BigInt(chainId) : v - 27n;
  if (yParity !== 0n && yParity !== 1n)
    throw new TransactionError('BAD_SIGNATURE', 'the signature is out of range');
  const key = recoverPublicKey(
    parsed.getMessageToVerifySignature(),
    bigintToBytes(r),
    bigintToBytes(s),
    Number(yParity),
  );
  if (key === undefined) throw new TransactionError('BAD_SIGNATURE', 'no account made this signature');
  const fees = parsed as unknown as FeeFields;
  const tx: PooledTransaction = {
    hash: toHex(keccak256(raw)),
    raw,
    type: parsed.type,
    from: toHex(addressOfPublicKey(key)),
    to: parsed.to === undefined ? null : toHex(parsed.to.bytes),
    nonce: parsed.nonce,
    value: parsed.value,
    gasLimit: parsed.gasLimit,
    maxFeePerGas: fees.maxFeePerGas ?? fees.gasPrice!,
    maxPriorityFeePerGas: fees.maxPriorityFeePerGas ?? fees.gasPrice!,
    data: parsed.data,
    chainId: parsed.type === 0 && !protectedBy155 ? null : BigInt(chainId),
    v,
    r,
    s,
  };
  if (parsed.type !== 0)
    tx.accessList = (fees.accessList ?? []).map(([address, slots]) => ({
      address: toHex(address),
      storageKeys: slots.map(toHex),
    }));
  if (parsed.type === 4)
    tx.authorizationList = (fees.authorizationList ?? []).map(([chain, address, nonce, parity, ar, as]) => ({
      chainId: bytesToBigint(chain!),
      address: toHex(address!) as Hex,
      nonce: bytesToBigint(nonce!),
      yParity: Number(bytesToBigint(parity!)),
      r: bytesToBigint(ar!),
      s: bytesToBigint(as!),
    }));
  return tx;
}

/**
 * The chain that a transaction names, before the library compares it: legacy ones name it in v (EIP-155), if at all.
 * @throws TransactionError WRONG_CHAIN_ID
 */
function checkChain(decoded: RlpItem, legacy: boolean, chainId: bigint): void {
  if (!Array.isArray(decoded)) return;
  const item = decoded[legacy ? 6 : 0];
  if (!(item instanceof Uint8Array) || item.length > 32) return;
  const number = bytesToBigint(item);
  if (legacy && number < 35n) return;
  const signedFor = legacy ? (number - 35n) / 2n : number;
  if (signedFor !== chainId)
    throw new TransactionError(
      'WRONG_CHAIN_ID',
      `invalid sender: invalid chain id for signer: have ${signedFor} want ${chainId}`,
    );
}

/** The library has messages where we have codes. */
const LIBRARY_MESSAGES: readonly [RegExp, TransactionErrorCode][] = [
  [/chain ?id/i, 'WRONG_CHAIN_ID'],
  [/signature/i, 'BAD_SIGNATURE'],
  [/maxPriorityFeePerGas/, 'TIP_ABOVE_FEE'],
  [/initcode/i, 'INITCODE_TOO_LARGE'],
  [/7825|maximum gas limit|transaction gas limit/i, 'GAS_ABOVE_CAP'],
];

/** Texts of ours where wallets look for geth's. */
const OWN_TEXTS: Partial<Record<TransactionErrorCode, string>> = {
  TIP_ABOVE_FEE: 'max priority fee per gas higher than max fee per gas',
  GAS_ABOVE_CAP: `transaction gas limit too high (cap: ${LIMITS.transactionGasCap})`,
  INITCODE_TOO_LARGE: `max initcode size exceeded: limit ${MAX_INITCODE_BYTES}`,
};

function fromLibrary(error: Error): TransactionError {
  // The library reads fields that are lists before it looks whether they are there.
  if (error instanceof TypeError) return notOne('a field is missing or of a wrong kind');
  // In brackets follows the whole transaction.
  const reason = error.message.split(' (', 1)[0]!.split('\n', 1)[0]!.slice(0, 200);
  const code = LIBRARY_MESSAGES.find(([pattern]) => pattern.test(reason))?.[1] ?? 'MALFORMED';
  if (code === 'MALFORMED') return notOne(reason);
  return new TransactionError(code, OWN_TEXTS[code] ?? reason);
}

/** Bytes that are no transaction at all: said first, since the details are only for whoever made the bytes. */
function notOne(reason: string): TransactionError {
  return new TransactionError('MALFORMED', `not a transaction: ${reason}`);
}
