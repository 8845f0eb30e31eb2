import type { ProofReader, ProofWriter } from './bytes.ts';
import type { CommittedIndex } from './commit-corpus.ts';
import {
  commitmentRoot,
  LEAF_TAG,
  leavesOf,
  numbersOf,
  TREES,
  type TreeName,
  textLength,
} from './commitment.ts';
import { invalidProof, proofTooLarge } from './errors.ts';
import { HASH_BYTES, type Hasher, sameBytes } from './hash.ts';
import { type DictionaryEntry, readChunk, readDictionaryEntry, readPage } from './leaves.ts';
import { MAX_PROOF_LEAVES, NODES_PER_PAGE, SYMBOLS_PER_CHUNK } from './limits.ts';
import { checkIndices, rootOf } from './merkle.ts';
import type { CommitmentSizes, PhraseNode } from './types.ts';

/** Leaves of a root that a proof shows, rising: ids of tokens, pages of nodes, pieces of the text. */
export type Selection = Readonly<Record<TreeName, readonly number[]>>;

/** Leaves of a root, read and checked. */
export interface Evidence {
  readonly sizes: CommitmentSizes;
  readonly entries: readonly DictionaryEntry[];
  /** All nodes of the shown pages. */
  readonly nodes: readonly PhraseNode[];
  readonly chunks: ReadonlyMap<number, Int32Array>;
}

/** Sizes stay below this, so that Merkle indices are 32-bit integers. */
const MAX_SIZE = 0x7fffffff;

/** Sizes, then for each tree its shown leaves (or its root, if none is) and the hashes beside their paths. */
export function writeEvidence(writer: ProofWriter, index: CommittedIndex, selection: Selection): void {
  const { sizes } = index;
  for (const size of numbersOf(sizes)) writer.varint(size);
  for (const name of TREES) {
    const indices = selection[name];
    if (indices.length > MAX_PROOF_LEAVES)
      throw proofTooLarge(`The proof would show ${indices.length} leaves; ${MAX_PROOF_LEAVES} are allowed.`);
    writer.varint(indices.length);
    if (indices.length === 0) {
      writer.bytes(index.trees[name].root);
      continue;
    }
    indices.forEach((leaf, i) => {
      writer.varint(i === 0 ? leaf : leaf - indices[i - 1]! - 1);
      writer.sized(index.leaf(name, leaf));
    });
    for (const hash of index.trees[name].siblings(indices)) writer.bytes(hash);
  }
}

/** @throws AttributionError 'InvalidProof' unless the leaves belong to `root`. */
export function readEvidence(reader: ProofReader, root: Uint8Array, hasher: Hasher): Evidence {
  const sizes = {
    tokens: reader.varint(),
    types: reader.varint(),
    oldestTokens: reader.varint(),
    oldestTypes: reader.varint(),
    records: reader.varint(),
    nodes: reader.varint(),
  };
  if (Math.max(...numbersOf(sizes), textLength(sizes)) > MAX_SIZE) throw invalidProof('a size is too large');
  const shown = {
    dictionary: readTree(reader, 'dictionary', sizes, hasher),
    nodes: readTree(reader, 'nodes', sizes, hasher),
    text: readTree(reader, 'text', sizes, hasher),
  };
  const roots = { dictionary: shown.dictionary.root, nodes: shown.nodes.root, text: shown.text.root };
  if (!sameBytes(commitmentRoot(sizes, roots, hasher), root))
    throw invalidProof('it belongs to another root');
  // Only what the root holds is read further.
  return evidenceOf(sizes, shown);
}

interface ShownLeaves {
  readonly root: Uint8Array;
  readonly leaves: readonly (readonly [number, Uint8Array])[];
}

function readTree(reader: ProofReader, name: TreeName, sizes: CommitmentSizes, hasher: Hasher): ShownLeaves {
  const count = reader.varint();
  if (count > MAX_PROOF_LEAVES) throw invalidProof('it shows too many leaves');
  if (count === 0) return { root: reader.bytes(HASH_BYTES), leaves: [] };
  const leaves: (readonly [number, Uint8Array])[] = [];
  let index = -1;
  for (let i = 0; i < count; i++) {
    index += 1 + reader.varint();
    leaves.push([index, reader.sized()]);
  }
  const indices = leaves.map(([at]) => at);
  const total = leavesOf(name, sizes);
  checkIndices(total, indices);
  const hashes = leaves.map(([, bytes]) => hasher.tagged(LEAF_TAG[name], bytes));
  return { root: rootOf(total, indices, hashes, () => reader.bytes(HASH_BYTES), hasher), leaves };
}

function evidenceOf(sizes: CommitmentSizes, shown: Readonly<Record<TreeName, ShownLeaves>>): Evidence {
  return {
    sizes,
    entries: shown.dictionary.leaves.map(([id, bytes]) => readDictionaryEntry(id, bytes)),
    nodes: shown.nodes.leaves.flatMap(([page, bytes]) =>
      readPage(bytes, page, Math.min(NODES_PER_PAGE, sizes.nodes - page * NODES_PER_PAGE)),
    ),
    chunks: new Map(
      shown.text.leaves.map(([chunk, bytes]) => {
        const symbols = Math.min(SYMBOLS_PER_CHUNK, textLength(sizes) - chunk * SYMBOLS_PER_CHUNK);
        return [chunk, readChunk(bytes, symbols)];
      }),
    ),
  };
}
