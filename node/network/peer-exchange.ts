/**
 * "Whom else do you know?" Answer: `count u8 ‖ count × (length u16be ‖ multiaddr in ASCII)`.
 */
import { isLoopback, isOwnMachine } from './hosts.ts';
import type { ProtocolSpec } from './types.ts';

const MAX_ADDRESSES = 32;
const MAX_ADDRESS_BYTES = 256;
const MAX_BYTES = 1 + MAX_ADDRESSES * (2 + MAX_ADDRESS_BYTES);

export const PEERS_PROTOCOL: ProtocolSpec = {
  name: 'peers',
  version: 1,
  maxRequestBytes: 0,
  maxFrameBytes: MAX_BYTES,
  maxResponseBytes: MAX_BYTES,
  maxConcurrent: 16,
  maxConcurrentPerPeer: 1,
  // A lonely node asks its only peer every 15 seconds.
  requestsPerSecond: 0.2,
  burst: 5,
  maxBytesInFlight: 256 * 1024,
  idleTimeoutMs: 5_000,
  totalTimeoutMs: 10_000,
};

export function encodeAddresses(addresses: readonly string[]): Uint8Array {
  const kept = addresses.filter((a) => a.length <= MAX_ADDRESS_BYTES).slice(0, MAX_ADDRESSES);
  const parts: Uint8Array[] = [Uint8Array.of(kept.length)];
  for (const address of kept) {
    const body = Buffer.from(address, 'latin1');
    parts.push(Uint8Array.of(body.length >> 8, body.length & 0xff), body);
  }
  return Buffer.concat(parts);
}

/** undefined unless the bytes are exactly what encodeAddresses writes. */
export function decodeAddresses(bytes: Uint8Array): string[] | undefined {
  const count = bytes[0];
  if (count === undefined || count > MAX_ADDRESSES) return undefined;
  const out: string[] = [];
  let at = 1;
  for (let i = 0; i < count; i++) {
    const length = (bytes[at]! << 8) | bytes[at + 1]!;
    at += 2;
    if (length > MAX_ADDRESS_BYTES || at + length > bytes.length) return undefined;
    const text = Buffer.from(bytes.subarray(at, at + length)).toString('latin1');
    if (!/^[\x21-\x7e]*$/.test(text)) return undefined;
    out.push(text);
    at += length;
  }
  return at === bytes.length ? out : undefined;
}

const DIALABLE = /^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}\/p2p\/[A-Za-z0-9]+$/;

/**
 * Addresses that may be dialed on hearsay: plain TCP with a peer id, and those of this machine only from a peer on
 * loopback, so that a stranger cannot make this node knock at its own host's doors.
 */
export function dialableHearsay(addresses: readonly string[], tellerAddress: string): string[] {
  const local = isLoopback(tellerAddress);
  return addresses.filter((a) => DIALABLE.test(a) && (local || !isOwnMachine(a)));
}
