/**
 * The first thing two peers tell each other: `version u8 ‖ genesis hash 32 ‖ height u64be ‖ head hash 32 ‖
 * count u8 ‖ count × (length u16be ‖ multiaddr in ASCII)`. Its protocol name carries no genesis hash, so that nodes
 * of different chains can tell each other why they part.
 */
import type { ChainHead, HashText } from './types.ts';

export const STATUS_PROTOCOL = '/ol/status/1';
const VERSION = 1;
const MAX_ADDRESSES = 8;
const MAX_ADDRESS_BYTES = 256;
const FIXED_BYTES = 1 + 32 + 8 + 32 + 1;
export const MAX_STATUS_BYTES = FIXED_BYTES + MAX_ADDRESSES * (2 + MAX_ADDRESS_BYTES);

export interface Status {
  readonly genesisHash: HashText;
  readonly head: ChainHead;
  /** Where the sender can be dialed, with its peer id. */
  readonly addresses: readonly string[];
}

/** Addresses beyond the first eight, or longer than 256 bytes, are left out. */
export function encodeStatus(status: Status): Uint8Array {
  const addresses = status.addresses
    .filter((a) => a.length <= MAX_ADDRESS_BYTES && isAscii(a))
    .slice(0, MAX_ADDRESSES);
  const size = FIXED_BYTES + addresses.reduce((sum, a) => sum + 2 + a.length, 0);
  const out = Buffer.alloc(size);
  out[0] = VERSION;
  out.write(status.genesisHash.slice(2), 1, 'hex');
  out.writeBigUInt64BE(BigInt(status.head.height), 33);
  out.write(status.head.hash.slice(2), 41, 'hex');
  out[73] = addresses.length;
  let at = FIXED_BYTES;
  for (const address of addresses) {
    out.writeUInt16BE(address.length, at);
    out.write(address, at + 2, 'latin1');
    at += 2 + address.length;
  }
  return out;
}

/** undefined unless the bytes are exactly what encodeStatus writes. */
export function decodeStatus(bytes: Uint8Array): Status | undefined {
  if (bytes.length < FIXED_BYTES || bytes.length > MAX_STATUS_BYTES) return undefined;
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const height = input.readBigUInt64BE(33);
  const count = input[73]!;
  if (input[0] !== VERSION || height > BigInt(Number.MAX_SAFE_INTEGER) || count > MAX_ADDRESSES)
    return undefined;
  const addresses: string[] = [];
  let at = FIXED_BYTES;
  for (let i = 0; i < count; i++) {
    if (at + 2 > input.length) return undefined;
    const length = input.readUInt16BE(at);
    at += 2;
    if (length > MAX_ADDRESS_BYTES || at + length > input.length) return undefined;
    const address = input.toString('latin1', at, at + length);
    if (!isAscii(address)) return undefined;
    addresses.push(address);
    at += length;
  }
  if (at !== input.length) return undefined;
  return {
    genesisHash: `0x${input.toString('hex', 1, 33)}`,
    head: { height: Number(height), hash: `0x${input.toString('hex', 41, 73)}` },
    addresses,
  };
}

/** Printable ASCII without space: a multiaddr that goes into logs must not carry control characters. */
function isAscii(text: string): boolean {
  return /^[\x21-\x7e]*$/.test(text);
}
