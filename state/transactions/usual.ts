/**
 * The usual forms of Ethereum's transactions, read without the library's objects, which cost more than everything
 * else of reading one but the signature: types 0 (with EIP-155), 1 and 2. Whatever is not plainly one of them, or is
 * at the edge of a bound, is left to the library, which knows why it is none; so this accepts a part of what the
 * library accepts, with the same fields (test/unit/state/usual.test.ts compares them).
 */
import {
  addressOfPublicKey,
  bigintToBytes,
  concat,
  keccak256,
  recoverPublicKey,
  SECP256K1_HALF_N,
  SECP256K1_N,
  toHex,
} from '../crypto.ts';
import type { Fork } from '../execution/common.ts';
import { LIMITS } from '../limits.ts';
import { RlpError, type RlpItem, rlpBigint, rlpListHead } from '../rlp.ts';
import type { Hex, PooledTransaction } from '../types.ts';

/** Where the fields lie in the list of each type; `accessList` 0: there is none. */
interface Layout {
  readonly length: number;
  readonly nonce: number;
  readonly tip: number;
  readonly fee: number;
  readonly accessList: number;
}
const LAYOUTS: Readonly<Record<number, Layout>> = {
  0: { length: 9, nonce: 0, tip: 1, fee: 1, accessList: 0 },
  1: { length: 11, nonce: 1, tip: 2, fee: 2, accessList: 7 },
  2: { length: 12, nonce: 1, tip: 2, fee: 3, accessList: 8 },
};
/** Below the library's bound of 2^64 - 1. */
const NONCE_BYTES = 7;
const GAS_BYTES = 8;
/** With gas of 8 bytes the product stays below 2^256. */
const FEE_BYTES = 20;

/**
 * @param items what `raw` holds behind its type, decoded strictly
 * @returns undefined if the library must say what this is
 */
export function parseUsual(
  raw: Uint8Array,
  items: RlpItem,
  chainId: bigint,
  fork: Fork,
): PooledTransaction | undefined {
  try {
    return parse(raw, items, chainId, fork);
  } catch (error) {
    // A field that is no integer of its size.
    if (error instanceof RlpError) return undefined;
    throw error;
  }
}

function parse(raw: Uint8Array, items: RlpItem, chainId: bigint, fork: Fork): PooledTransaction | undefined {
  const type = raw[0]! >= 0xc0 ? 0 : raw[0]!;
  const layout = LAYOUTS[type];
  if (layout === undefined || !Array.isArray(items) || items.length !== layout.length) return undefined;
  const { nonce, tip, fee, accessList: listAt, length } = layout;
  const maxPriorityFeePerGas = rlpBigint(items[tip], FEE_BYTES);
  const maxFeePerGas = rlpBigint(items[fee], FEE_BYTES);
  const gasLimit = rlpBigint(items[fee + 1], GAS_BYTES);
  if (maxPriorityFeePerGas > maxFeePerGas) return undefined;
  if (fork === 'osaka' && gasLimit > LIMITS.transactionGasCap) return undefined;
  const to = items[fee + 2];
  const data = items[fee + 4];
  if (!(to instanceof Uint8Array) || !(data instanceof Uint8Array) || to.length !== 20) return undefined;
  const accessList = listAt === 0 ? undefined : accessListOf(items[listAt]!);
  if (listAt > 0 && accessList === undefined) return undefined;

  const v = rlpBigint(items[length - 3]);
  const parity = type === 0 ? v - 35n - 2n * chainId : v;
  if (parity !== 0n && parity !== 1n) return undefined;
  if (type !== 0 && rlpBigint(items[0]) !== chainId) return undefined;
  const r = rlpBigint(items[length - 2]);
  const s = rlpBigint(items[length - 1]);
  if (r === 0n || r >= SECP256K1_N || s === 0n || s > SECP256K1_HALF_N) return undefined;
  const value = rlpBigint(items[fee + 3]);
  const count = rlpBigint(items[nonce], NONCE_BYTES);
  const key = recoverPublicKey(
    signedHash(raw, type, items, chainId),
    items[length - 2] as Uint8Array,
    items[length - 1] as Uint8Array,
    Number(parity),
  );
  if (key === undefined) return undefined;
  const tx: PooledTransaction = {
    hash: toHex(keccak256(raw)),
    raw,
    type,
    from: toHex(addressOfPublicKey(key)),
    to: toHex(to),
    nonce: count,
    value,
    gasLimit,
    maxFeePerGas,
    maxPriorityFeePerGas,
    data,
    chainId,
    v,
    r,
    s,
  };
  if (accessList !== undefined) tx.accessList = accessList;
  return tx;
}

function accessListOf(item: RlpItem): { address: Hex; storageKeys: Hex[] }[] | undefined {
  if (!Array.isArray(item)) return undefined;
  const list: { address: Hex; storageKeys: Hex[] }[] = [];
  for (const entry of item) {
    if (!Array.isArray(entry) || entry.length !== 2) return undefined;
    const [address, slots] = entry;
    if (!(address instanceof Uint8Array) || address.length !== 20 || !Array.isArray(slots)) return undefined;
    const storageKeys: Hex[] = [];
    for (const slot of slots) {
      if (!(slot instanceof Uint8Array) || slot.length !== 32) return undefined;
      storageKeys.push(toHex(slot));
    }
    list.push({ address: toHex(address), storageKeys });
  }
  return list;
}

/**
 * What was signed: the list without its last three items, whose bytes are copied as they stand. EIP-155 puts
 * (chain, 0, 0) in their place.
 */
function signedHash(raw: Uint8Array, type: number, items: readonly RlpItem[], chainId: bigint): Uint8Array {
  const list = type === 0 ? 0 : 1;
  const start = list + (raw[list]! < 0xf8 ? 1 : raw[list]! - 0xf6);
  let end = raw.length;
  for (const item of items.slice(-3)) end -= encodedLength(item as Uint8Array);
  const fields = raw.subarray(start, end);
  if (type !== 0) return keccak256(concat(Uint8Array.of(type), rlpListHead(fields.length), fields));
  const chain = bigintToBytes(chainId);
  const tail =
    chain.length === 1 && chain[0]! < 0x80 ? chain : concat(Uint8Array.of(0x80 + chain.length), chain);
  const zeros = Uint8Array.of(0x80, 0x80);
  return keccak256(concat(rlpListHead(fields.length + tail.length + 2), fields, tail, zeros));
}

/** Of an integer of at most 32 bytes. */
function encodedLength(item: Uint8Array): number {
  return item.length === 1 && item[0]! < 0x80 ? 1 : 1 + item.length;
}
