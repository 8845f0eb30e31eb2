/** Bytes as keys and addresses are written. */
import { keccak_256 } from '@noble/hashes/sha3.js';
import secp256k1 from 'secp256k1';
import type { Hex } from '../../genesis/types.ts';
import { checksumAddress } from '../../state/crypto.ts';

export { checksumAddress };

export function toHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

/** @throws RangeError unless `text` is hex (0x optional) of `length` bytes. The message never holds the text. */
export function fromHex(text: string, length?: number): Uint8Array {
  const digits = text.startsWith('0x') ? text.slice(2) : text;
  if (!/^([0-9a-fA-F]{2})*$/.test(digits) || (length !== undefined && digits.length !== 2 * length))
    throw new RangeError(length === undefined ? 'not hex bytes' : `not ${length} bytes of hex`);
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

/** Address of a secp256k1 private key, 32 bytes: last 20 bytes of the keccak of the public key. */
export function addressOf(privateKey: Uint8Array): Hex {
  return toHex(keccak_256(secp256k1.publicKeyCreate(privateKey, false).subarray(1)).subarray(12));
}

/** @throws RangeError unless `text` is an address; mixed case must carry a right EIP-55 checksum. */
export function parseAddress(text: string): Hex {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) throw new RangeError(`'${text.slice(0, 60)}' is not an address`);
  const lower = text.toLowerCase() as Hex;
  const digits = text.slice(2);
  const mixed = digits !== digits.toLowerCase() && digits !== digits.toUpperCase();
  if (mixed && checksumAddress(lower) !== text)
    throw new RangeError(`the checksum of address ${text} is wrong: a character is mistyped`);
  return lower;
}
