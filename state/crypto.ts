/**
 * Hashes, signatures and hex. Fast versions (WebAssembly keccak, native secp256k1): a block's cost is mostly these.
 * Importing this module waits until the keccak code is compiled, so every function here is synchronous.
 */
import { createHash } from 'node:crypto';
import { createKeccak } from 'hash-wasm';
import secp256k1 from 'secp256k1';
import type { Hex } from './types.ts';

const hasher = await createKeccak(256);

/** Keccak-256 as Ethereum uses it. 32 bytes in a buffer of their own. */
export function keccak256(data: Uint8Array): Uint8Array {
  hasher.init();
  hasher.update(data);
  return hasher.digest('binary');
}

export function keccakHex(data: Uint8Array): Hex {
  hasher.init();
  hasher.update(data);
  return `0x${hasher.digest('hex')}`;
}

export function sha256(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(data).digest());
}

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Lower-case hex without 0x. */
export function bareHex(bytes: Uint8Array): string {
  const length = bytes.length;
  if (length > 64) return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('hex');
  let text = '';
  for (let i = 0; i < length; i++) text += HEX_OF_BYTE[bytes[i]!];
  return text;
}

export function toHex(bytes: Uint8Array): Hex {
  return `0x${bareHex(bytes)}`;
}

function nibbleOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  if (code >= 65 && code <= 70) return code - 55;
  return -1;
}

/** Bytes of 0x-prefixed hex. @throws RangeError on anything else or, if `length` is given, on another length. */
export function fromHex(text: string, length?: number): Uint8Array {
  if (text.length % 2 !== 0 || text[0] !== '0' || text[1] !== 'x')
    throw new RangeError(`not 0x-prefixed hex: "${text.slice(0, 70)}"`);
  const size = text.length / 2 - 1;
  if (length !== undefined && size !== length)
    throw new RangeError(`expected ${length} bytes of hex, got ${size}`);
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) {
    const high = nibbleOf(text.charCodeAt(2 * i + 2));
    const low = nibbleOf(text.charCodeAt(2 * i + 3));
    if (high < 0 || low < 0) throw new RangeError(`not hex: "${text.slice(0, 70)}"`);
    bytes[i] = (high << 4) | low;
  }
  return bytes;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Big-endian without leading zeros; zero is empty. @throws RangeError for negative values. */
export function bigintToBytes(value: bigint): Uint8Array {
  if (value < 0n) throw new RangeError(`not an unsigned integer: ${value}`);
  if (value === 0n) return new Uint8Array(0);
  const text = value.toString(16);
  return fromHex(`0x${text.length % 2 === 0 ? text : `0${text}`}`);
}

export function bytesToBigint(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bareHex(bytes)}`);
}

export function lesser(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

export function greater(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

/** Left-padded to `length`. @throws RangeError if longer. */
export function padLeft(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  if (bytes.length > length) throw new RangeError(`${bytes.length} bytes do not fit into ${length}`);
  const padded = new Uint8Array(length);
  padded.set(bytes, length - bytes.length);
  return padded;
}

/** Without leading zeros; shares the buffer. */
export function stripZeros(bytes: Uint8Array): Uint8Array {
  let at = 0;
  while (at < bytes.length && bytes[at] === 0) at++;
  return at === 0 ? bytes : bytes.subarray(at);
}

/** Order of the group of secp256k1. */
export const SECP256K1_N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
/** EIP-2: s above half the order is not accepted, so that a signature has one form. */
export const SECP256K1_HALF_N = SECP256K1_N >> 1n;

/** 64-byte public key that signed `hash`, or undefined if there is none. r and s are at most 32 bytes each. */
export function recoverPublicKey(
  hash: Uint8Array,
  r: Uint8Array,
  s: Uint8Array,
  yParity: number,
): Uint8Array | undefined {
  if (yParity !== 0 && yParity !== 1) return undefined;
  try {
    const signature = concat(padLeft(r, 32), padLeft(s, 32));
    return secp256k1.ecdsaRecover(signature, yParity, hash, false).slice(1);
  } catch {
    return undefined;
  }
}

/** 20 bytes: the last of the key's hash. `publicKey` without its 0x04. */
export function addressOfPublicKey(publicKey: Uint8Array): Uint8Array {
  return keccak256(publicKey).slice(12);
}

export interface EcdsaSignature {
  r: bigint;
  s: bigint;
  yParity: number;
}

/** Deterministic (RFC 6979), low s. */
export function signHash(hash: Uint8Array, privateKey: Uint8Array): EcdsaSignature {
  const { signature, recid } = secp256k1.ecdsaSign(hash, privateKey);
  return {
    r: bytesToBigint(signature.subarray(0, 32)),
    s: bytesToBigint(signature.subarray(32)),
    yParity: recid,
  };
}

/** Account of a private key (32 bytes). @throws if the key is not in 1..n-1. */
export function addressOfPrivateKey(privateKey: Uint8Array): Hex {
  return toHex(addressOfPublicKey(secp256k1.publicKeyCreate(privateKey, false).slice(1)));
}

export const EMPTY_BYTES = new Uint8Array(0);
export const ZERO_HASH: Hex = `0x${'00'.repeat(32)}`;
export const ZERO_ADDRESS: Hex = `0x${'00'.repeat(20)}`;
/** keccak of no bytes: code hash of accounts without code. */
export const KECCAK_EMPTY = keccak256(EMPTY_BYTES);
export const KECCAK_EMPTY_HEX: Hex = toHex(KECCAK_EMPTY);
/** keccak of rlp(''): root of an empty trie. */
export const EMPTY_TRIE_ROOT = keccak256(Uint8Array.of(0x80));
export const EMPTY_TRIE_ROOT_HEX: Hex = toHex(EMPTY_TRIE_ROOT);

/** EIP-55: upper case by the keccak of the lower-case text, so that most typing errors show. */
export function checksumAddress(address: Hex): Hex {
  const digits = address.slice(2).toLowerCase();
  const hash = keccakHex(new TextEncoder().encode(digits)).slice(2);
  let out = '';
  for (let i = 0; i < digits.length; i++)
    out += Number.parseInt(hash[i]!, 16) >= 8 ? digits[i]!.toUpperCase() : digits[i];
  return `0x${out}`;
}
