/**
 * Nodes of a secure Merkle Patricia trie (Yellow Paper, appendix D): keys are 32-byte hashes, so branches hold no
 * values. Nodes are never changed once they are part of a finished tree; trees share what they have in common.
 * The reference of a node (its hash, or its encoding if shorter than 32 bytes) is worked out when it is first asked.
 */
import { bareHex, EMPTY_TRIE_ROOT, keccak256 } from '../crypto.ts';
import { decodeRlp, encodeRlp, type RlpItem, rlpBytes, rlpListHead } from '../rlp.ts';
import { Fault } from '../types.ts';

/** One nibble per byte. */
export type Nibbles = Uint8Array;

export interface Leaf {
  readonly kind: 'leaf';
  readonly path: Nibbles;
  readonly value: Uint8Array;
  reference: Uint8Array | undefined;
  /** From hashing to writing. */
  encoded: Uint8Array | undefined;
  /** Stored in the database at its path. */
  persisted: boolean;
}
export interface Extension {
  readonly kind: 'extension';
  readonly path: Nibbles;
  readonly child: TrieNode;
  reference: Uint8Array | undefined;
  encoded: Uint8Array | undefined;
  persisted: boolean;
}
export interface Branch {
  readonly kind: 'branch';
  readonly children: readonly (TrieNode | null)[];
  reference: Uint8Array | undefined;
  encoded: Uint8Array | undefined;
  persisted: boolean;
}
/** A node in the database that was not read yet (or was, and is then remembered in `loaded`). */
export interface Stub {
  readonly kind: 'stub';
  readonly reference: Uint8Array;
  readonly persisted: true;
  loaded: ReadNode | undefined;
}
export type ReadNode = Leaf | Extension | Branch;
export type TrieNode = ReadNode | Stub;

export const leaf = (path: Nibbles, value: Uint8Array): Leaf => ({
  kind: 'leaf',
  path,
  value,
  reference: undefined,
  encoded: undefined,
  persisted: false,
});
export const extension = (path: Nibbles, child: TrieNode): Extension => ({
  kind: 'extension',
  path,
  child,
  reference: undefined,
  encoded: undefined,
  persisted: false,
});
export const branch = (children: readonly (TrieNode | null)[]): Branch => ({
  kind: 'branch',
  children,
  reference: undefined,
  encoded: undefined,
  persisted: false,
});
export const stub = (reference: Uint8Array): Stub => ({
  kind: 'stub',
  reference,
  persisted: true,
  loaded: undefined,
});

/** Where nodes that are not in memory come from: their encoding, by path. */
export type NodeSource = (path: Nibbles) => Uint8Array | undefined;

export function toNibbles(key: Uint8Array): Nibbles {
  const nibbles = new Uint8Array(key.length * 2);
  for (let i = 0; i < key.length; i++) {
    nibbles[2 * i] = key[i]! >> 4;
    nibbles[2 * i + 1] = key[i]! & 15;
  }
  return nibbles;
}

export function fromNibbles(nibbles: Nibbles): Uint8Array {
  const key = new Uint8Array(nibbles.length >> 1);
  for (let i = 0; i < key.length; i++) key[i] = (nibbles[2 * i]! << 4) | nibbles[2 * i + 1]!;
  return key;
}

/** Hex-prefix encoding of a path. */
function encodePath(path: Nibbles, isLeaf: boolean): Uint8Array {
  const odd = path.length & 1;
  const bytes = new Uint8Array((path.length >> 1) + 1);
  bytes[0] = ((isLeaf ? 2 : 0) + odd) << 4;
  if (odd === 1) bytes[0] |= path[0]!;
  for (let i = odd, at = 1; i < path.length; i += 2) bytes[at++] = (path[i]! << 4) | path[i + 1]!;
  return bytes;
}

/** @throws Fault */
function decodePath(bytes: Uint8Array): { path: Nibbles; isLeaf: boolean } {
  const [head = 0xff] = bytes;
  const flags = head >> 4;
  const odd = flags & 1;
  if (flags > 3 || (odd === 0 && (head & 15) !== 0))
    throw new Fault('database: the path of a trie node is not hex-prefix encoded');
  const path = new Uint8Array((bytes.length - 1) * 2 + odd);
  if (odd === 1) path[0] = head & 15;
  for (let i = 1, at = odd; i < bytes.length; i++) {
    path[at++] = bytes[i]! >> 4;
    path[at++] = bytes[i]! & 15;
  }
  return { path, isLeaf: (flags & 2) !== 0 };
}

/** RLP of no bytes. */
const EMPTY_ITEM = 0x80;
/** What stands before 32 bytes. */
const HASH_ITEM = 0xa0;

/** The item that stands for a node in its parent: a hash, or the node itself when that is shorter. */
function referenceItem(node: TrieNode): RlpItem {
  const reference = referenceOf(node);
  return reference.length === 32 ? reference : decodeRlp(reference);
}

/** RLP of a node. */
export function encodeNode(node: ReadNode): Uint8Array {
  if (node.encoded !== undefined) return node.encoded;
  if (node.kind === 'leaf') return encodeRlp([encodePath(node.path, true), node.value]);
  if (node.kind === 'extension') return encodeRlp([encodePath(node.path, false), referenceItem(node.child)]);
  return encodeBranch(node.children);
}

/** References stand in it as they are: 32 bytes with their head, or the child's own encoding. */
function encodeBranch(children: readonly (TrieNode | null)[]): Uint8Array {
  let payload = 1;
  for (const child of children) {
    const length = child === null ? 0 : referenceOf(child).length;
    payload += length === 0 || length === 32 ? length + 1 : length;
  }
  const head = rlpListHead(payload);
  const bytes = new Uint8Array(head.length + payload);
  bytes.set(head);
  let at = head.length;
  for (const child of children) {
    if (child === null) {
      bytes[at++] = EMPTY_ITEM;
      continue;
    }
    const reference = referenceOf(child);
    if (reference.length === 32) bytes[at++] = HASH_ITEM;
    // So few bytes are copied faster here than by the platform, which has to be called.
    for (let i = 0; i < reference.length; i++) bytes[at++] = reference[i]!;
  }
  // Keys are hashes of one length, so no key ends in a branch.
  bytes[at] = EMPTY_ITEM;
  return bytes;
}

/** Hash (32 bytes) or encoding (fewer) of a node. */
export function referenceOf(node: TrieNode): Uint8Array {
  if (node.reference !== undefined) return node.reference;
  const read = node as ReadNode;
  const encoded = encodeNode(read);
  const reference = encoded.length < 32 ? encoded : keccak256(encoded);
  read.reference = reference;
  // The same bytes are written when the block is.
  if (!read.persisted) read.encoded = encoded;
  return reference;
}

/** Whether a node is stored under its own path rather than inside its parent. */
export function isStored(node: TrieNode): boolean {
  return referenceOf(node).length === 32;
}

export function rootHash(root: TrieNode | null): Uint8Array {
  if (root === null) return EMPTY_TRIE_ROOT;
  const reference = referenceOf(root);
  // A root is hashed whatever its size.
  return reference.length === 32 ? reference : keccak256(reference);
}

/** Parses what the database holds. The node and those inside it count as persisted. */
export function decodeNode(encoded: Uint8Array): ReadNode {
  return nodeOf(decodeRlp(encoded), undefined);
}

function nodeOf(item: RlpItem, reference: Uint8Array | undefined): ReadNode {
  if (item instanceof Uint8Array) throw new Fault('database: a trie node is not a list');
  if (item.length === 2) {
    const { path, isLeaf } = decodePath(rlpBytes(item[0]));
    if (isLeaf)
      return {
        kind: 'leaf',
        path,
        value: rlpBytes(item[1]).slice(),
        reference,
        encoded: undefined,
        persisted: true,
      };
    return {
      kind: 'extension',
      path,
      child: childOf(item[1]!)!,
      reference,
      encoded: undefined,
      persisted: true,
    };
  }
  if (item.length !== 17) throw new Fault('database: a trie node has neither 2 nor 17 items');
  return {
    kind: 'branch',
    children: item.slice(0, 16).map(childOf),
    reference,
    encoded: undefined,
    persisted: true,
  };
}

function childOf(item: RlpItem): TrieNode | null {
  if (item instanceof Uint8Array) {
    if (item.length === 0) return null;
    return stub(rlpBytes(item, 32).slice());
  }
  return nodeOf(item, encodeRlp(item));
}

/** The node behind a stub. @throws Fault if the database does not hold what its parent names. */
export function resolve(node: TrieNode, path: Nibbles, source: NodeSource): ReadNode {
  if (node.kind !== 'stub') return node;
  if (node.loaded !== undefined) return node.loaded;
  const encoded = source(path);
  if (encoded === undefined) throw new Fault(`database: trie node at ${bareHex(path)} is missing`);
  const hash = keccak256(encoded);
  for (let i = 0; i < 32; i++)
    if (hash[i] !== node.reference[i])
      throw new Fault(`database: trie node at ${bareHex(path)} does not have the hash that its parent names`);
  const loaded = decodeNode(encoded);
  loaded.reference = node.reference;
  node.loaded = loaded;
  return loaded;
}
