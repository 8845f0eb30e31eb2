/**
 * EIP-2335 keystore (version 4) of consensus keys: three modules (kdf, checksum, cipher), passwords in NFKD without
 * control characters. Files move to and from the tools of Ethereum validators.
 */
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import {
  aes128ctr,
  derivePbkdf2,
  deriveScrypt,
  type ScryptParameters,
  STANDARD_SCRYPT,
  unsupported,
  wrongPassword,
} from './cipher.ts';
import { fromHex } from './hex.ts';

type Json = Record<string, unknown>;

export interface BlsKeystoreInput {
  /** 32 bytes, big-endian, below the order of the group. */
  readonly secretKey: Uint8Array;
  /** 48 bytes. */
  readonly publicKey: Uint8Array;
  /** EIP-2334 path if the key was derived, else empty. */
  readonly path?: string;
  readonly description?: string;
}

export function encryptBlsKey(
  input: BlsKeystoreInput,
  password: string,
  scrypt: ScryptParameters = STANDARD_SCRYPT,
): Json {
  const salt = randomBytes(32);
  const iv = randomBytes(16);
  const derived = deriveScrypt(encodePassword(password), salt, scrypt);
  const cipher = aes128ctr(derived.subarray(0, 16), iv, input.secretKey, true);
  return {
    crypto: {
      kdf: { function: 'scrypt', params: { ...scrypt, salt: plain(salt) }, message: '' },
      checksum: { function: 'sha256', params: {}, message: plain(checksumOf(derived, cipher)) },
      cipher: { function: 'aes-128-ctr', params: { iv: plain(iv) }, message: plain(cipher) },
    },
    description: input.description ?? 'OpenLedger consensus key',
    pubkey: plain(input.publicKey),
    path: input.path ?? '',
    uuid: randomUUID(),
    version: 4,
  };
}

/** The secret key, 32 bytes. @throws UserError WRONG_PASSWORD | KEYSTORE_UNSUPPORTED */
export function decryptBlsKey(json: Json, password: string): Uint8Array {
  if (json['version'] !== 4) throw unsupported('a version');
  const crypto = part(json['crypto']);
  const [kdf, checksum, cipher] = [part(crypto['kdf']), part(crypto['checksum']), part(crypto['cipher'])];
  if (checksum['function'] !== 'sha256' || cipher['function'] !== 'aes-128-ctr')
    throw unsupported('a cipher');
  const derived = derive(kdf, encodePassword(password));
  const message = bytes(cipher['message']);
  const expected = bytes(checksum['message']);
  if (expected.length !== 32 || !timingSafeEqual(expected, checksumOf(derived, message)))
    throw wrongPassword();
  const iv = bytes(part(cipher['params'])['iv']);
  if (iv.length !== 16 || message.length !== 32) throw unsupported('lengths');
  return aes128ctr(derived.subarray(0, 16), iv, message, false);
}

/** EIP-2335: NFKD, then without C0, C1 and Delete. Never reaches state, so that Unicode tables may differ. */
function encodePassword(password: string): Uint8Array {
  const kept = [...password.normalize('NFKD')].filter((char) => {
    const code = char.codePointAt(0)!;
    return code >= 0x20 && !(code >= 0x7f && code <= 0x9f);
  });
  return Buffer.from(kept.join(''));
}

function derive(kdf: Json, password: Uint8Array): Uint8Array {
  const parameters = part(kdf['params']);
  const salt = bytes(parameters['salt']);
  if (kdf['function'] === 'scrypt')
    return deriveScrypt(password, salt, parameters as unknown as ScryptParameters);
  if (kdf['function'] === 'pbkdf2' && parameters['prf'] === 'hmac-sha256')
    return derivePbkdf2(password, salt, Number(parameters['c']), Number(parameters['dklen']));
  throw unsupported('a key derivation');
}

function checksumOf(derived: Uint8Array, cipher: Uint8Array): Uint8Array {
  return createHash('sha256').update(derived.subarray(16, 32)).update(cipher).digest();
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
