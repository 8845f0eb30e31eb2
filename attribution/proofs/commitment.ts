import { type Hasher, TAG } from './hash.ts';
import { NODES_PER_PAGE, SYMBOLS_PER_CHUNK } from './limits.ts';
import type { CommitmentSizes } from './types.ts';

/** The three trees of a root, in the order in which it names them. */
export type TreeName = 'dictionary' | 'nodes' | 'text';
export const TREES: readonly TreeName[] = ['dictionary', 'nodes', 'text'];

/** Tag under which a leaf of each tree is hashed. */
export const LEAF_TAG: Readonly<Record<TreeName, number>> = {
  dictionary: TAG.dictionaryLeaf,
  nodes: TAG.nodeLeaf,
  text: TAG.textLeaf,
};

const DOMAIN = Uint8Array.from('OpenLedger attribution root 2', (character) => character.charCodeAt(0));

/** Leaves of a tree: they follow from the sizes. */
export function leavesOf(tree: TreeName, sizes: CommitmentSizes): number {
  switch (tree) {
    case 'dictionary':
      return sizes.types;
    case 'nodes':
      return Math.ceil(sizes.nodes / NODES_PER_PAGE);
    case 'text':
      return Math.ceil(textLength(sizes) / SYMBOLS_PER_CHUNK);
  }
}

/** Symbols of the text: the tokens, and one end for each record. */
export function textLength(sizes: CommitmentSizes): number {
  return sizes.tokens + sizes.records;
}

/** H(0x02 ‖ domain ‖ N ‖ V ‖ both of the oldest records ‖ records ‖ nodes, 8 bytes each ‖ the roots of dictionary, nodes and text) */
export function commitmentRoot(
  sizes: CommitmentSizes,
  roots: Readonly<Record<TreeName, Uint8Array>>,
  hasher: Hasher,
): Uint8Array {
  const numbers = numbersOf(sizes);
  const bytes = new Uint8Array(DOMAIN.length + 8 * numbers.length + 3 * 32);
  const view = new DataView(bytes.buffer);
  bytes.set(DOMAIN);
  for (const [i, size] of numbers.entries()) view.setBigUint64(DOMAIN.length + 8 * i, BigInt(size));
  for (const [i, tree] of TREES.entries())
    bytes.set(roots[tree], DOMAIN.length + 8 * numbers.length + 32 * i);
  return hasher.tagged(TAG.root, bytes);
}

/** The sizes in the order in which roots and proofs have them. */
export function numbersOf(sizes: CommitmentSizes): readonly number[] {
  return [sizes.tokens, sizes.types, sizes.oldestTokens, sizes.oldestTypes, sizes.records, sizes.nodes];
}
