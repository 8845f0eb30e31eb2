/** The 2,048-bit filter of logs in receipts and headers (Yellow Paper 4.3.1). */
import { fromHex, keccak256 } from '../crypto.ts';
import type { Log } from '../types.ts';

export const BLOOM_BYTES = 256;

function add(bloom: Uint8Array, item: Uint8Array): void {
  const hash = keccak256(item);
  for (let i = 0; i < 6; i += 2) {
    const bit = ((hash[i]! << 8) | hash[i + 1]!) & 2047;
    bloom[BLOOM_BYTES - 1 - (bit >> 3)]! |= 1 << (bit & 7);
  }
}

export function bloomOfLogs(logs: readonly Log[]): Uint8Array {
  const bloom = new Uint8Array(BLOOM_BYTES);
  for (const log of logs) {
    add(bloom, fromHex(log.address));
    for (const topic of log.topics) add(bloom, fromHex(topic));
  }
  return bloom;
}

export function joinBlooms(blooms: Iterable<Uint8Array>): Uint8Array {
  const joined = new Uint8Array(BLOOM_BYTES);
  for (const bloom of blooms) for (let i = 0; i < BLOOM_BYTES; i++) joined[i]! |= bloom[i]!;
  return joined;
}

/** Whether an address or a topic may be in the filter. */
export function bloomMayContain(bloom: Uint8Array, item: Uint8Array): boolean {
  const hash = keccak256(item);
  for (let i = 0; i < 6; i += 2) {
    const bit = ((hash[i]! << 8) | hash[i + 1]!) & 2047;
    if ((bloom[BLOOM_BYTES - 1 - (bit >> 3)]! & (1 << (bit & 7))) === 0) return false;
  }
  return true;
}
