/**
 * Merkle tree hash of RFC 6962, section 2.1, over SHA-256: a leaf is hashed behind the byte 0x00, an inner node behind
 * 0x01, and a list of n leaves is split at the largest power of two below n.
 */
import { createHash, hash } from 'node:crypto';

export const HASH_BYTES = 32;
const LEAF_PREFIX = Uint8Array.of(0);
/**
 * Up to here a leaf is copied behind its prefix and hashed in one call, at half the cost of a hash object. The main
 * thread verifies whole artifacts, of up to 4,096 leaves, and must not be held up for over 20 ms.
 */
const ONE_CALL_BYTES = 8_192;
const leafScratch = new Uint8Array(1 + ONE_CALL_BYTES);
const nodeScratch = new Uint8Array(1 + 2 * HASH_BYTES);
nodeScratch[0] = 1;

export function leafHash(leaf: Uint8Array): Uint8Array {
  if (leaf.length > ONE_CALL_BYTES) return createHash('sha256').update(LEAF_PREFIX).update(leaf).digest();
  leafScratch.set(leaf, 1);
  return hash('sha256', leafScratch.subarray(0, 1 + leaf.length), 'buffer');
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodeScratch.set(left, 1);
  nodeScratch.set(right, 1 + HASH_BYTES);
  return hash('sha256', nodeScratch, 'buffer');
}

/**
 * Root of a list of leaf hashes. The empty list has the hash of the empty string (RFC 6962), although the store
 * refuses empty artifacts.
 */
export function rootOfLeafHashes(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return createHash('sha256').digest();
  // Complete subtrees from left to right, sizes falling: adding a leaf merges equal sizes, as in a binary counter.
  const stack: { hash: Uint8Array; size: number }[] = [];
  for (const hash of hashes) {
    let node = { hash, size: 1 };
    while (stack.length > 0 && stack.at(-1)!.size === node.size) {
      const left = stack.pop()!;
      node = { hash: nodeHash(left.hash, node.hash), size: left.size * 2 };
    }
    stack.push(node);
  }
  let root = stack.pop()!.hash;
  while (stack.length > 0) root = nodeHash(stack.pop()!.hash, root);
  return root;
}

export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  return rootOfLeafHashes(leaves.map(leafHash));
}

function splitPoint(count: number): number {
  let k = 1;
  while (k * 2 < count) k *= 2;
  return k;
}

/**
 * Audit path of RFC 6962, section 2.1.1: sibling hashes from the leaf upwards.
 * @throws RangeError when there is no leaf `index`
 */
export function inclusionProof(hashes: readonly Uint8Array[], index: number): Uint8Array[] {
  if (!Number.isInteger(index) || index < 0 || index >= hashes.length)
    throw new RangeError(`no leaf ${index} among ${hashes.length}`);
  if (hashes.length === 1) return [];
  const k = splitPoint(hashes.length);
  return index < k
    ? [...inclusionProof(hashes.slice(0, k), index), rootOfLeafHashes(hashes.slice(k))]
    : [...inclusionProof(hashes.slice(k), index - k), rootOfLeafHashes(hashes.slice(0, k))];
}

/** Whether `leaf` is leaf `index` of the tree of `count` leaves with this root (RFC 9162, section 2.1.3.2). */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  count: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(count) || index < 0 || index >= count)
    return false;
  let position = index;
  let last = count - 1;
  let hash = leafHash(leaf);
  for (const sibling of proof) {
    if (last === 0 || sibling.byteLength !== HASH_BYTES) return false;
    if (position % 2 === 1 || position === last) {
      hash = nodeHash(sibling, hash);
      // A right edge without a sibling on this level: the node moves up until it is a right child.
      while (position % 2 === 0 && position !== 0) {
        position = Math.floor(position / 2);
        last = Math.floor(last / 2);
      }
    } else hash = nodeHash(hash, sibling);
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && equalBytes(hash, root);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && Buffer.compare(a, b) === 0;
}
