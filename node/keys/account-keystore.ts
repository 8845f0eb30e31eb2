/**
 * Keystore version 3 of accounts (Web3 Secret Storage): scrypt or pbkdf2, AES-128-CTR, keccak of the second half of
 * the derived key and the ciphertext. Files move to and from geth, Foundry and wallets.
 */

import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { keccak_256 } from '@noble/hashes/sha3.js';
import secp256k1 from 'secp256k1';
import type { Hex } from '../../genesis/types.ts';
import {
  aes128ctr,
  derivePbkdf2,
  deriveScrypt,
  type ScryptParameters,
  STANDARD_SCRYPT,
  unsupported,
  wrongPassword,
} from './cipher.ts';
import { addressOf, fromHex } from './hex.ts';

type Json = Record<string, unknown>;

/** A new random private key, 32 bytes. */
export function createAccountKey(): Uint8Array {
  for (;;) {
    const candidate = new Uint8Array(randomBytes(32));
    // All but 2^-128 of the numbers are keys; the others are drawn again.
    if (secp256k1.privateKeyVerify(candidate)) return candidate;
  }
}

/** The file's content for `privateKey` (32 bytes). Random salt and iv; with STANDARD_SCRYPT it takes about a second. */
export function encryptAccount(
  privateKey: Uint8Array,
  password: string,
  scrypt: ScryptParameters = STANDARD_SCRYPT,
): Json {
  const salt = randomBytes(32);
  const iv = randomBytes(16);
  const derived = deriveScrypt(Buffer.from(password), salt, scrypt);
  const ciphertext = aes128ctr(derived.subarray(0, 16), iv, privateKey, true);
  return {
    version: 3,
    id: randomUUID(),
    address: addressOf(privateKey).slice(2),
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: plain(iv) },
      ciphertext: plain(ciphertext),
      kdf: 'scrypt',
      kdfparams: { ...scrypt, salt: plain(salt) },
      mac: plain(macOf(derived, ciphertext)),
    },
  };
}

/**
 * The private key in a keystore.
 * @throws UserError WRONG_PASSWORD, KEYSTORE_UNSUPPORTED for other versions, ciphers or costs out of bounds.
 */
export function decryptAccount(json: Json, password: string): Uint8Array {
  if (json['version'] !== 3) throw unsupported('a version');
  // geth wrote `Crypto` for years.
  const crypto = part(json['crypto'] ?? json['Crypto']);
  if (crypto['cipher'] !== 'aes-128-ctr') throw unsupported('a cipher');
  const derived = derive(crypto, Buffer.from(password));
  const ciphertext = bytes(crypto['ciphertext']);
  const mac = bytes(crypto['mac']);
  if (mac.length !== 32 || !timingSafeEqual(mac, macOf(derived, ciphertext))) throw wrongPassword();
  const iv = bytes(part(crypto['cipherparams'])['iv']);
  if (iv.length !== 16 || ciphertext.length !== 32) throw unsupported('lengths');
  return aes128ctr(derived.subarray(0, 16), iv, ciphertext, false);
}

/** Address that the file names, without the password; undefined if it names none. */
export function addressInKeystore(json: Json): Hex | undefined {
  const address = json['address'];
  if (typeof address !== 'string' || !/^(0x)?[0-9a-fA-F]{40}$/.test(address)) return undefined;
  return `0x${address.slice(-40).toLowerCase()}`;
}

function derive(crypto: Json, password: Uint8Array): Uint8Array {
  const parameters = part(crypto['kdfparams']);
  const salt = bytes(parameters['salt']);
  if (crypto['kdf'] === 'scrypt')
    return deriveScrypt(password, salt, parameters as unknown as ScryptParameters);
  if (crypto['kdf'] === 'pbkdf2' && parameters['prf'] === 'hmac-sha256')
    return derivePbkdf2(password, salt, Number(parameters['c']), Number(parameters['dklen']));
  throw unsupported('a key derivation');
}

function macOf(derived: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  return keccak_256(Buffer.concat([derived.subarray(16, 32), ciphertext]));
}

function part(value: unknown): Json {
  if (typeof value !== 'object' || value === null) throw unsupported('a form');
  return value as Json;
}

function bytes(value: unknown): Uint8Array {
  try {
    return fromHex(String(value));
  } catch {
    throw unsupported('a form');
  }
}

function plain(value: Uint8Array): string {
  return Buffer.from(value).toString('hex');
}
