/**
 * A validator's BLS12-381 key: how it is made, kept and proven. The key file is an EIP-2335 keystore, or, on
 * development networks only, plain JSON that says so.
 */
import { randomBytes } from 'node:crypto';
import { PublicKey, SecretKey, Signature, verify } from '@chainsafe/blst';
import { possessionSignBytes } from '../../consensus/sign-bytes.ts';
import type { GenesisValidator, Hex } from '../../genesis/types.ts';
import { UserError } from '../config/errors.ts';
import { decryptBlsKey, encryptBlsKey } from './bls-keystore.ts';
import type { ScryptParameters } from './cipher.ts';
import { readKeyJson, writeFileAtomic } from './files.ts';
import { fromHex, toHex } from './hex.ts';

const DEVELOPMENT_KIND = 'openledger-development-consensus-key';

export interface ConsensusKey {
  /** 32 bytes, big-endian. */
  readonly secretKey: Uint8Array;
  /** 48 bytes, compressed G1. */
  readonly publicKey: Uint8Array;
}

/** A new random key. */
export function createConsensusKey(): ConsensusKey {
  return consensusKeyFrom(SecretKey.fromKeygen(randomBytes(32)).toBytes());
}

/** @throws UserError KEY_FILE_INVALID unless `secretKey` is 32 bytes below the group's order and not zero. */
export function consensusKeyFrom(secretKey: Uint8Array): ConsensusKey {
  try {
    return {
      secretKey: new Uint8Array(secretKey),
      publicKey: SecretKey.fromBytes(secretKey).toPublicKey().toBytes(),
    };
  } catch {
    throw new UserError('KEY_FILE_INVALID', 'not a BLS12-381 secret key');
  }
}

/**
 * Reads a key file; `password` is asked only if the file is encrypted.
 * @throws UserError KEY_FILE_MISSING | KEY_FILE_INVALID | KEYSTORE_UNSUPPORTED | WRONG_PASSWORD
 */
export async function loadConsensusKey(
  path: string,
  password: () => string | Promise<string>,
): Promise<ConsensusKey> {
  const json = readKeyJson(path);
  if (json['kind'] === DEVELOPMENT_KIND)
    return naming(path, () => consensusKeyFrom(fromHex(String(json['secretKey']), 32)));
  const given = await password();
  const key = naming(path, () => consensusKeyFrom(decryptBlsKey(json, given)));
  if (json['pubkey'] !== undefined && json['pubkey'] !== Buffer.from(key.publicKey).toString('hex'))
    throw new UserError(
      'KEY_FILE_INVALID',
      `${path}: the public key in the file is not that of the secret key`,
    );
  return key;
}

/** What is wrong with the content, with the file that it is in: a validator has several. */
function naming<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const code = error instanceof UserError ? error.code : 'KEY_FILE_INVALID';
    throw new UserError(code, `${path}: ${(error as Error).message}`);
  }
}

/** Public key that a key file names, without the password. @throws UserError */
export function publicKeyInFile(path: string): Uint8Array {
  const json = readKeyJson(path);
  if (json['kind'] === DEVELOPMENT_KIND)
    return consensusKeyFrom(fromHex(String(json['secretKey']), 32)).publicKey;
  try {
    return fromHex(String(json['pubkey']), 48);
  } catch {
    throw new UserError('KEY_FILE_INVALID', `${path} does not name its public key`);
  }
}

/** Encrypted. @throws UserError FILE_EXISTS */
export function writeConsensusKey(
  path: string,
  key: ConsensusKey,
  password: string,
  scrypt?: ScryptParameters,
): void {
  writeFileAtomic(path, `${JSON.stringify(encryptBlsKey(key, password, scrypt), undefined, 2)}\n`);
}

/** Not encrypted: for networks on one machine whose coins are worth nothing. @throws UserError FILE_EXISTS */
export function writeDevelopmentKey(path: string, key: ConsensusKey): void {
  const json = {
    kind: DEVELOPMENT_KIND,
    warning: 'Not encrypted. For development networks only.',
    secretKey: toHex(key.secretKey),
  };
  writeFileAtomic(path, `${JSON.stringify(json, undefined, 2)}\n`);
}

/**
 * Proof that the holder of `key` chose it for `operator` on this chain (A9). The genesis hash does not exist while
 * founders sign: for the genesis file the chain id, as 32 bytes, stands in its place.
 * @returns 96 bytes, compressed G2.
 */
export function provePossession(key: ConsensusKey, operator: Hex, chain: Hex | number): Uint8Array {
  const message = possessionSignBytes(chainTag(chain), operator, key.publicKey);
  return SecretKey.fromBytes(key.secretKey).sign(message).toBytes();
}

/** Whether a founding validator holds its key. Malformed points give false. */
export function verifyFounder(validator: GenesisValidator, chainId: number): boolean {
  try {
    const publicKey = fromHex(validator.blsPublicKey, 48);
    const message = possessionSignBytes(chainTag(chainId), validator.address, publicKey);
    return verify(
      message,
      PublicKey.fromBytes(publicKey, true),
      Signature.fromBytes(fromHex(validator.proofOfPossession, 96), true),
    );
  } catch {
    return false;
  }
}

function chainTag(chain: Hex | number): Hex {
  return typeof chain === 'string' ? chain : `0x${chain.toString(16).padStart(64, '0')}`;
}
