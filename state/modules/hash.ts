import { keccak_256 } from '@noble/hashes/sha3.js';
import type { Hex } from '../types.ts';
import { toHex } from './abi/codec.ts';

/** keccak256 of bytes, usable before the fast implementation is initialised (interfaces are built at load time). */
export function keccak(bytes: Uint8Array): Uint8Array {
  return keccak_256(bytes);
}

export function keccakHex(bytes: Uint8Array): Hex {
  return toHex(keccak(bytes));
}
