/**
 * Columns of the database: the first byte of every key. The letters are the format; a change needs a new
 * `FORMAT_VERSION`, which refuses older directories instead of misreading them.
 */
import { fromHex } from '../crypto.ts';
import type { Hex } from '../types.ts';

export const FORMAT_VERSION = 1;

export const COLUMN = {
  /** Name to value: format, genesis, head, oldest state. */
  meta: 0x6d,
  /** Block number to header RLP. */
  header: 0x68,
  /** Block number to block bytes. */
  block: 0x62,
  /** Block number to stored receipts. */
  receipts: 0x72,
  /** Block hash to number. */
  blockHash: 0x6e,
  /** Transaction hash to (block number, index). */
  transaction: 0x74,
  /** Block number to commit certificate. */
  certificate: 0x63,
  /** Block number to the validator set that votes on it. */
  validators: 0x76,
  /** Code hash to code. */
  code: 0x6f,
  /** keccak to body of a record. */
  body: 0x79,
  /** Address to account (versioned). */
  account: 0x41,
  /** Address, slot to value (versioned). */
  slot: 0x53,
  /** Path to node of the accounts trie (versioned). */
  accountNode: 0x4e,
  /** Address, path to node of a storage trie (versioned). */
  slotNode: 0x4d,
  /** keccak of address to address: walks of the trie give addresses. */
  preimage: 0x49,
  /** Versioned column and key, change number to the value before that change. */
  history: 0x48,
  /** List, name, block number to places in the block (state/indexes/postings.ts). */
  posting: 0x70,
  /** Block number to the history keys that it wrote: what pruning deletes. */
  changes: 0x50,
} as const;
export type Column = (typeof COLUMN)[keyof typeof COLUMN];
export type VersionedColumn =
  | typeof COLUMN.account
  | typeof COLUMN.slot
  | typeof COLUMN.accountNode
  | typeof COLUMN.slotNode;

export function key(column: Column, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 1;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  whole[0] = column;
  let at = 1;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Big-endian, so that keys sort as numbers do. */
export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Six bytes: block numbers to 2^48. */
export function u48(value: number): Uint8Array {
  const high = Math.floor(value / 0x1_0000_0000);
  const low = value % 0x1_0000_0000;
  return Uint8Array.of(high >>> 8, high & 255, low >>> 24, (low >>> 16) & 255, (low >>> 8) & 255, low & 255);
}

export function readU48(bytes: Uint8Array, at: number): number {
  return (bytes[at]! * 256 + bytes[at + 1]!) * 0x1_0000_0000 + readU32(bytes, at + 2);
}

export function numberKey(column: Column, number: number): Uint8Array {
  return key(column, u48(number));
}

export function hashKey(column: Column, hash: Hex): Uint8Array {
  return key(column, fromHex(hash, 32));
}

/**
 * `oldest...`: first block whose state, body, receipts, transaction hashes or postings are kept; absent: block 0.
 * `indexFormat`: form of the postings; absent: there are none.
 */
export type MetaName =
  | 'format'
  | 'genesis'
  | 'head'
  | 'oldest'
  | 'oldestBlock'
  | 'oldestReceipts'
  | 'oldestIndex'
  | 'oldestPosting'
  | 'indexFormat';

export function metaKey(name: MetaName): Uint8Array {
  return key(COLUMN.meta, Buffer.from(name, 'ascii'));
}
