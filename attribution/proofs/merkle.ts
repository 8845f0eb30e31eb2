import { invalidProof } from './errors.ts';
import { HASH_BYTES, type Hasher, TAG } from './hash.ts';
import { RECOMPUTED_LEVELS } from './limits.ts';

/*
 * A Merkle tree over n leaves: level 0 are the leaves' hashes; number j of the level above is H(0x01 ‖ 2j ‖ 2j + 1), or
 * number 2j as it is if it is the last one and alone. The root is the only hash of the top level.
 */

/** Hash of a leaf, computed when it is asked for. */
export type LeafHash = (index: number) => Uint8Array;

export interface MerkleTree {
  readonly leaves: number;
  readonly root: Uint8Array;
  /** The hashes that a verifier of these leaves lacks, level by level, each from left to right. */
  siblings(indices: readonly number[]): Uint8Array[];
}

/** Time: one hash a leaf and one a pair. Memory: 4 bytes a leaf, since the lowest levels are computed again. */
export function createMerkleTree(leaves: number, leafHash: LeafHash, hasher: Hasher): MerkleTree {
  if (leaves === 0) return { leaves, root: emptyRoot(hasher), siblings: () => [] };
  /** Hash of a node whose level is not kept: of at most 16 leaves. */
  const fold = (level: number, j: number): Uint8Array => {
    if (level === 0) return leafHash(j);
    const left = fold(level - 1, 2 * j);
    const isAlone = (2 * j + 1) * (1 << (level - 1)) >= leaves;
    return isAlone ? left : hasher.inner(left, fold(level - 1, 2 * j + 1));
  };
  const kept = [levelOf(Math.ceil(leaves / (1 << RECOMPUTED_LEVELS)), (j) => fold(RECOMPUTED_LEVELS, j))];
  for (let below = kept[0]!; below.length > HASH_BYTES; ) {
    const size = below.length / HASH_BYTES;
    const from: Uint8Array = below;
    below = levelOf(Math.ceil(size / 2), (j) =>
      2 * j + 1 === size ? hashAt(from, 2 * j) : hasher.inner(hashAt(from, 2 * j), hashAt(from, 2 * j + 1)),
    );
    kept.push(below);
  }
  const nodeAt = (level: number, j: number) =>
    level < RECOMPUTED_LEVELS ? fold(level, j) : hashAt(kept[level - RECOMPUTED_LEVELS]!, j);
  return {
    leaves,
    root: kept[kept.length - 1]!,
    siblings(indices) {
      const hashes: Uint8Array[] = [];
      climb(leaves, indices, (level, sibling) => hashes.push(nodeAt(level, sibling)));
      return hashes;
    },
  };
}

/**
 * The root that these leaves and hashes give; `takeHash` yields the hashes in the order of `siblings`.
 * @param indices rising, below `leaves`; at least one. @param hashes theirs
 */
export function rootOf(
  leaves: number,
  indices: readonly number[],
  hashes: readonly Uint8Array[],
  takeHash: () => Uint8Array,
  hasher: Hasher,
): Uint8Array {
  const at = [...indices];
  const known = [...hashes];
  let count = at.length;
  for (let size = leaves; size > 1; size = Math.ceil(size / 2)) {
    let above = 0;
    for (let i = 0; i < count; i++) {
      const j = at[i]!;
      const hash = known[i]!;
      let parent = hash;
      if ((j ^ 1) < size) {
        // Known siblings stand next to each other.
        const isPair = (j & 1) === 0 && i + 1 < count && at[i + 1] === j + 1;
        const other = isPair ? known[++i]! : takeHash();
        parent = (j & 1) === 0 ? hasher.inner(hash, other) : hasher.inner(other, hash);
      }
      at[above] = j >>> 1;
      known[above++] = parent;
    }
    count = above;
  }
  return known[0]!;
}

export function emptyRoot(hasher: Hasher): Uint8Array {
  return hasher.tagged(TAG.emptyTree, new Uint8Array(0));
}

/** @throws AttributionError 'InvalidProof' unless the indices rise and stay below `leaves`. */
export function checkIndices(leaves: number, indices: readonly number[]): void {
  indices.forEach((index, i) => {
    if (index >= leaves || (i > 0 && index <= indices[i - 1]!))
      throw invalidProof('its leaves are not in order');
  });
}

/** Goes up from the leaves and tells which nodes are needed beside them. */
function climb(leaves: number, indices: readonly number[], need: (level: number, j: number) => void): void {
  let known = indices;
  for (let level = 0, size = leaves; size > 1; level++, size = Math.ceil(size / 2)) {
    const have = new Set(known);
    for (const j of known) if ((j ^ 1) < size && !have.has(j ^ 1)) need(level, j ^ 1);
    known = [...new Set(known.map((j) => j >>> 1))];
  }
}

function levelOf(size: number, hashOf: (j: number) => Uint8Array): Uint8Array {
  const level = new Uint8Array(size * HASH_BYTES);
  for (let j = 0; j < size; j++) level.set(hashOf(j), j * HASH_BYTES);
  return level;
}

function hashAt(level: Uint8Array, j: number): Uint8Array {
  return level.subarray(j * HASH_BYTES, (j + 1) * HASH_BYTES);
}
