/** The identity of a node on the network: an Ed25519 seed in a file, and the libp2p peer id that follows from it. */
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { UserError } from '../config/errors.ts';
import { readKeyJson, writeFileAtomic } from './files.ts';
import { fromHex, toHex } from './hex.ts';

const KIND = 'openledger-node-key';

/** PKCS #8 wrapping of a raw Ed25519 seed (RFC 8410). */
const PKCS8_PREFIX = fromHex('302e020100300506032b657004220420');
/** Protobuf of a libp2p public key: field 1 = Ed25519, field 2 = 32 bytes; in an identity multihash of 36 bytes. */
const PEER_ID_PREFIX = fromHex('002408011220');
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Seed in the file at `path` (32 bytes); makes the file if there is none. @throws UserError KEY_FILE_INVALID */
export function loadOrCreateNodeKey(path: string): Uint8Array {
  if (!existsSync(path)) {
    const seed = new Uint8Array(randomBytes(32));
    writeNodeKey(path, seed);
    return seed;
  }
  const json = readKeyJson(path);
  if (json['kind'] !== KIND || typeof json['seed'] !== 'string')
    throw new UserError('KEY_FILE_INVALID', `${path} is not a node key file`);
  try {
    return fromHex(json['seed'], 32);
  } catch {
    throw new UserError('KEY_FILE_INVALID', `${path}: the seed is not 32 bytes of hex`);
  }
}

/** @throws UserError FILE_EXISTS */
export function writeNodeKey(path: string, seed: Uint8Array): void {
  writeFileAtomic(
    path,
    `${JSON.stringify({ kind: KIND, peerId: peerIdOf(seed), seed: toHex(seed) }, undefined, 2)}\n`,
  );
}

/** Peer id as text (`12D3Koo...`) of an Ed25519 seed. */
export function peerIdOf(seed: Uint8Array): string {
  return base58(Buffer.concat([PEER_ID_PREFIX, publicKeyOf(seed)]));
}

/** Raw Ed25519 public key (32 bytes) of a seed. */
export function publicKeyOf(seed: Uint8Array): Uint8Array {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32));
}

function base58(bytes: Uint8Array): string {
  let value = BigInt(toHex(bytes));
  let text = '';
  while (value > 0n) {
    text = BASE58[Number(value % 58n)] + text;
    value /= 58n;
  }
  for (const byte of bytes) {
    if (byte !== 0) break;
    text = `1${text}`;
  }
  return text;
}
