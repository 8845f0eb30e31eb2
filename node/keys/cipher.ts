/**
 * What both keystore formats share: a key derived from a password, AES-128 in counter mode, bounded costs. A file
 * from elsewhere must not make this process use gigabytes: parameters beyond the bounds are refused.
 */
import { createCipheriv, createDecipheriv, pbkdf2Sync, scryptSync } from 'node:crypto';
import { scrypt } from '@noble/hashes/scrypt.js';
import { UserError } from '../config/errors.ts';

/** scrypt as geth and Web3Signer write it: 256 MiB, about a second. */
export const STANDARD_SCRYPT = { n: 262_144, r: 8, p: 1, dklen: 32 } as const;
/** geth's light form: 4 MiB, tens of milliseconds. For tests and keys of no value. */
export const LIGHT_SCRYPT = { n: 4_096, r: 8, p: 6, dklen: 32 } as const;

/** Bounds of what is read. 1 GiB of memory and ten million rounds are beyond every writer known. */
const MAX_SCRYPT_MEMORY_BYTES = 1024 * 1024 * 1024;
const MAX_PBKDF2_ROUNDS = 10_000_000;

export interface ScryptParameters {
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly dklen: number;
}

/** @throws UserError KEYSTORE_UNSUPPORTED for parameters out of bounds. */
export function deriveScrypt(
  password: Uint8Array,
  salt: Uint8Array,
  parameters: ScryptParameters,
): Uint8Array {
  const { n, r, p, dklen } = parameters;
  const whole = [n, r, p, dklen].every((one) => Number.isSafeInteger(one) && one > 0);
  const memory = 128 * n * r;
  // n is a power of two above 1: scrypt's own condition.
  if (
    !whole ||
    dklen !== 32 ||
    n < 2 ||
    n > 2 ** 24 ||
    (n & (n - 1)) !== 0 ||
    memory > MAX_SCRYPT_MEMORY_BYTES ||
    p > 16
  )
    throw unsupported('scrypt parameters');
  // OpenSSL holds to RFC 7914's n < 2^(16 r); old wallets, and the definition's own test vector, do not.
  if (r === 1 && n >= 65_536)
    return scrypt(password, salt, { N: n, r, p, dkLen: dklen, maxmem: MAX_SCRYPT_MEMORY_BYTES });
  return new Uint8Array(
    scryptSync(password, salt, dklen, { N: n, r, p, maxmem: memory + 128 * r * p + 1024 * 1024 }),
  );
}

/** @throws UserError KEYSTORE_UNSUPPORTED for parameters out of bounds. */
export function derivePbkdf2(
  password: Uint8Array,
  salt: Uint8Array,
  rounds: number,
  dklen: number,
): Uint8Array {
  if (!Number.isSafeInteger(rounds) || rounds < 1 || rounds > MAX_PBKDF2_ROUNDS || dklen !== 32)
    throw unsupported('pbkdf2 parameters');
  return pbkdf2Sync(password, salt, rounds, dklen, 'sha256');
}

/** Its own inverse. `key` 16 bytes, `iv` 16 bytes. */
export function aes128ctr(key: Uint8Array, iv: Uint8Array, data: Uint8Array, encrypt: boolean): Uint8Array {
  const cipher = (encrypt ? createCipheriv : createDecipheriv)('aes-128-ctr', key, iv);
  return new Uint8Array(Buffer.concat([cipher.update(data), cipher.final()]));
}

export function unsupported(what: string): UserError {
  return new UserError('KEYSTORE_UNSUPPORTED', `the key file has ${what} that this program does not read`);
}

export function wrongPassword(): UserError {
  return new UserError('WRONG_PASSWORD', 'the password does not fit the key file');
}
