/** Roots of ordered lists: transactions and receipts, keyed by the RLP of their index. */
import { bigintToBytes, EMPTY_TRIE_ROOT, keccak256, toHex } from '../crypto.ts';
import { encodeRlp, type RlpItem } from '../rlp.ts';
import type { Hex } from '../types.ts';

interface Entry {
  key: Uint8Array;
  value: Uint8Array;
}

/**
 * Root of the trie of (rlp(i) -> values[i]). Built in one pass from the sorted keys and thrown away: keys have
 * different lengths here, so branches may hold a value, which the state's tries never do.
 */
export function orderedRoot(values: readonly Uint8Array[]): Hex {
  if (values.length === 0) return toHex(EMPTY_TRIE_ROOT);
  const entries = values.map(
    (value, i): Entry => ({ key: nibbles(encodeRlp(bigintToBytes(BigInt(i)))), value }),
  );
  entries.sort((a, b) => compare(a.key, b.key));
  return toHex(keccak256(encodeRlp(build(entries, 0, entries.length, 0))));
}

function nibbles(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length * 2);
  for (let i = 0; i < bytes.length; i++) {
    out[2 * i] = bytes[i]! >> 4;
    out[2 * i + 1] = bytes[i]! & 15;
  }
  return out;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

function hexPrefix(path: Uint8Array, isLeaf: boolean): Uint8Array {
  const odd = path.length & 1;
  const out = new Uint8Array((path.length >> 1) + 1);
  out[0] = ((isLeaf ? 2 : 0) + odd) << 4;
  if (odd === 1) out[0] |= path[0]!;
  for (let i = odd, at = 1; i < path.length; i += 2) out[at++] = (path[i]! << 4) | path[i + 1]!;
  return out;
}

const EMPTY = new Uint8Array(0);

/** The node over entries [low, high), which agree in their first `depth` nibbles. */
function build(entries: readonly Entry[], low: number, high: number, depth: number): RlpItem[] {
  const first = entries[low]!;
  if (high - low === 1) return [hexPrefix(first.key.subarray(depth), true), first.value];
  const last = entries[high - 1]!.key;
  let end = depth;
  while (end < first.key.length && end < last.length && first.key[end] === last[end]) end++;
  if (end > depth)
    return [hexPrefix(first.key.subarray(depth, end), false), reference(build(entries, low, high, end))];
  const items: RlpItem[] = new Array<RlpItem>(17).fill(EMPTY);
  let at = low;
  if (first.key.length === depth) {
    items[16] = first.value;
    at++;
  }
  while (at < high) {
    const nibble = entries[at]!.key[depth]!;
    let stop = at + 1;
    while (stop < high && entries[stop]!.key[depth] === nibble) stop++;
    items[nibble] = reference(build(entries, at, stop, depth + 1));
    at = stop;
  }
  return items;
}

function reference(node: RlpItem[]): RlpItem {
  const encoded = encodeRlp(node);
  return encoded.length < 32 ? node : keccak256(encoded);
}
