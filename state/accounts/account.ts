/** An account as the trie holds it: RLP of (nonce, balance, storage root, code hash). */
import { bigintToBytes, EMPTY_TRIE_ROOT, equalBytes, KECCAK_EMPTY, toHex } from '../crypto.ts';
import { decodeRlp, encodeRlp, rlpBigint, rlpBytes, rlpList } from '../rlp.ts';
import type { AccountView, Hex } from '../types.ts';

/** Never changed in place: states share these objects. */
export interface AccountData {
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly storageRoot: Uint8Array;
  readonly codeHash: Uint8Array;
}

export const EMPTY_ACCOUNT: AccountData = {
  nonce: 0n,
  balance: 0n,
  storageRoot: EMPTY_TRIE_ROOT,
  codeHash: KECCAK_EMPTY,
};

export function encodeAccount(account: AccountData): Uint8Array {
  return encodeRlp([
    bigintToBytes(account.nonce),
    bigintToBytes(account.balance),
    account.storageRoot,
    account.codeHash,
  ]);
}

export function decodeAccount(bytes: Uint8Array): AccountData {
  const items = rlpList(decodeRlp(bytes), 4);
  return {
    nonce: rlpBigint(items[0], 8),
    balance: rlpBigint(items[1]),
    storageRoot: rlpBytes(items[2], 32).slice(),
    codeHash: rlpBytes(items[3], 32).slice(),
  };
}

export function sameAccount(a: AccountData | undefined, b: AccountData | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.nonce === b.nonce &&
    a.balance === b.balance &&
    equalBytes(a.storageRoot, b.storageRoot) &&
    equalBytes(a.codeHash, b.codeHash)
  );
}

/** EIP-161: such an account is not in the trie. */
export function isEmptyAccount(account: AccountData): boolean {
  return account.nonce === 0n && account.balance === 0n && equalBytes(account.codeHash, KECCAK_EMPTY);
}

export function hasCode(account: Pick<AccountData, 'codeHash'>): boolean {
  return !equalBytes(account.codeHash, KECCAK_EMPTY);
}

export function viewOfAccount(account: AccountData): AccountView {
  return {
    nonce: account.nonce,
    balance: account.balance,
    storageRoot: toHex(account.storageRoot),
    codeHash: toHex(account.codeHash),
  };
}

/**
 * A state that others are built on: the head, or a past block. Addresses are lower-case hex with 0x; slots are 64
 * hex digits; slot values have no leading zeros, zero is empty.
 */
export interface BaseState {
  account(address: Hex): AccountData | undefined;
  slot(address: Hex, slot: string): Uint8Array;
  code(hash: Uint8Array): Uint8Array;
  body(hash: Hex): Uint8Array | undefined;
}
