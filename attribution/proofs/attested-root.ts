/**
 * From the state root of a block header to the root that validators attested for pinned snapshots (docs/proofs.md §9):
 * what is left to trust is the header. Keys and slots are those of state/modules/model/root-storage.ts.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { fromHex } from '../credit/bytes.ts';
import { invalidProof } from './errors.ts';
import { HASH_BYTES, sameBytes } from './hash.ts';

/** A snapshot of one DataNet, which is append-only. */
export interface ProvenSnapshot {
  readonly dataNetId: number;
  readonly length: number;
}

/** The two paths of an answer of eth_getProof: of the account, and of its one slot. */
export interface SlotProof {
  readonly accountProof: readonly Uint8Array[];
  readonly storageProof: readonly Uint8Array[];
}

/** The account of the model module. */
export const MODEL_ACCOUNT = '0x4f4c000000000000000000000000000000000052';

/** Nodes of one path: a key has 64 nibbles. */
const MAX_NODES = 65;
/** Bytes of a node: a branch of 17 hashes has 549. */
const MAX_NODE_BYTES = 1024;

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Id of pinned snapshots: keccak(domain ‖ of each, DataNets ascending: DataNet ‖ length, 32 bytes each). */
export function snapshotsId(snapshots: readonly ProvenSnapshot[]): Uint8Array {
  const ascending = [...snapshots].sort((a, b) => a.dataNetId - b.dataNetId);
  const hash = keccak_256.create().update(ascii('OL/model/snapshots/v1'));
  for (const { dataNetId, length } of ascending) hash.update(word(dataNetId)).update(word(length));
  return hash.digest();
}

/** The slot of MODEL_ACCOUNT whose value is the attested root of these snapshots: ask eth_getProof for it. */
export function attestedRootSlot(snapshots: readonly ProvenSnapshot[]): Uint8Array {
  return keccak_256
    .create()
    .update(ascii('model.root'))
    .update(Uint8Array.of(0))
    .update(snapshotsId(snapshots))
    .digest();
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setBigUint64(24, BigInt(value));
  return bytes;
}

/**
 * The root of these snapshots in the state with this root.
 * @returns undefined if that state has none: validators have not attested one (yet).
 * @throws AttributionError 'InvalidProof' unless the paths show one or the other
 */
export function verifyAttestedRoot(
  stateRoot: Uint8Array,
  snapshots: readonly ProvenSnapshot[],
  { accountProof, storageProof }: SlotProof,
): Uint8Array | undefined {
  const account = lookUp(stateRoot, fromHex(MODEL_ACCOUNT, 20), accountProof);
  if (account === undefined) throw invalidProof('that state has no model module');
  const [, , storageRoot] = readList(account, 4);
  if (storageRoot === undefined || storageRoot.isList || storageRoot.payload.length !== HASH_BYTES)
    throw invalidProof('the account is no account');
  const value = lookUp(storageRoot.payload, attestedRootSlot(snapshots), storageProof);
  if (value === undefined) return undefined;
  const { payload, isList, end } = readItem(value, 0);
  if (
    isList ||
    end !== value.length ||
    payload.length > HASH_BYTES ||
    payload.length === 0 ||
    payload[0] === 0
  )
    throw invalidProof('the slot holds no number');
  const root = new Uint8Array(HASH_BYTES);
  root.set(payload, HASH_BYTES - payload.length);
  return root;
}

// --- a Merkle Patricia trie, read only (Ethereum Yellow Paper, appendix D) -----------------------------------------

/** What the trie with this root has under keccak(key); undefined if nothing. Every node must be needed. */
function lookUp(root: Uint8Array, key: Uint8Array, nodes: readonly Uint8Array[]): Uint8Array | undefined {
  const nibbles = nibblesOf(keccak_256(key));
  if (nodes.length === 0 || nodes.length > MAX_NODES) throw invalidProof('a path has no or too many nodes');
  let taken = 0;
  let expected = root;
  let at = 0;
  const finish = <T>(result: T): T => {
    if (taken !== nodes.length) throw invalidProof('a path goes on behind its end');
    return result;
  };
  const take = (): Uint8Array => {
    const node = nodes[taken++];
    if (node === undefined || node.length > MAX_NODE_BYTES || !sameBytes(keccak_256(node), expected))
      throw invalidProof('a path is broken');
    return node;
  };
  let node = take();
  for (;;) {
    const items = readItems(node);
    let next: Item;
    if (items.length === 17) {
      // Keys have one length, so none ends in a branch.
      next = items[nibbles[at++] ?? 16]!;
    } else if (items.length === 2) {
      const { path, isLeaf } = readPath(items[0]!);
      const fits = path.every((nibble, i) => nibble === nibbles[at + i]);
      if (!fits || (isLeaf && at + path.length !== nibbles.length)) return finish(undefined);
      if (isLeaf) return finish(items[1]!.payload);
      at += path.length;
      next = items[1]!;
    } else throw invalidProof('a node is neither branch nor leaf');
    if (next.isList) {
      // A node below 32 bytes stands in its parent.
      node = next.whole;
    } else if (next.payload.length === 0) return finish(undefined);
    else {
      expected = next.payload;
      node = take();
    }
  }
}

function readPath({ payload, isList }: Item): { path: number[]; isLeaf: boolean } {
  const [flag = 0xff, ...rest] = isList ? [] : nibblesOf(payload);
  if (flag > 3) throw invalidProof('a path has no flag');
  return { path: (flag & 1) === 1 ? rest : rest.slice(1), isLeaf: flag >= 2 };
}

function nibblesOf(bytes: Uint8Array): number[] {
  return Array.from({ length: 2 * bytes.length }, (_, i) =>
    (i & 1) === 0 ? bytes[i >> 1]! >> 4 : bytes[i >> 1]! & 15,
  );
}

// --- RLP, as far as nodes and accounts have it -------------------------------------------------------------------

interface Item {
  readonly isList: boolean;
  readonly payload: Uint8Array;
  /** With its head. */
  readonly whole: Uint8Array;
  readonly end: number;
}

function readItem(bytes: Uint8Array, start: number): Item {
  const head = bytes[start];
  if (head === undefined) throw invalidProof('a node is cut off');
  const isList = head >= 0xc0;
  let from = start + 1;
  let length: number;
  if (head < 0x80) {
    from = start;
    length = 1;
  } else {
    length = head - (isList ? 0xc0 : 0x80);
    if (length > 55) {
      const digits = length - 55;
      if (digits > 2) throw invalidProof('a node is too long');
      length = 0;
      for (let i = 0; i < digits; i++) length = length * 256 + (bytes[from++] ?? 0);
    }
  }
  const end = from + length;
  if (end > bytes.length) throw invalidProof('a node is cut off');
  return { isList, payload: bytes.subarray(from, end), whole: bytes.subarray(start, end), end };
}

/** Items of a list that fills `bytes`. */
function readItems(bytes: Uint8Array): Item[] {
  const { isList, payload, end } = readItem(bytes, 0);
  if (!isList || end !== bytes.length) throw invalidProof('a node is no list');
  const items: Item[] = [];
  for (let at = 0; at < payload.length; ) {
    const item = readItem(payload, at);
    items.push(item);
    at = item.end;
  }
  return items;
}

function readList(bytes: Uint8Array, length: number): Item[] {
  const items = readItems(bytes);
  if (items.length !== length) throw invalidProof('an account has other fields');
  return items;
}
