/**
 * Makes a snapshot of a block whose state is still kept, from the flat values. The tries are built anew and compared
 * with the header, so that a damaged database gives no snapshot.
 *
 * Limitations: all accounts, and the slots of one account at a time, are held in memory, about 400 bytes each; every
 * header of the evidence window carries its whole validator set.
 */
import { fromLastCommit } from '../../consensus/certificate.ts';
import { encodeCertificate } from '../../consensus/codec.ts';
import { asHeight, asRound } from '../../consensus/types.ts';
import { decodeAccount } from '../accounts/account.ts';
import {
  encodeNode,
  fromNibbles,
  type Nibbles,
  type ReadNode,
  rootHash,
  type TrieNode,
  toNibbles,
} from '../accounts/nodes.ts';
import { type TrieChange, updateTrie } from '../accounts/trie.ts';
import { decodeBlock, decodeHeader } from '../block/codec.ts';
import { decodeRecords } from '../block/validators.ts';
import { bareHex, EMPTY_TRIE_ROOT, equalBytes, KECCAK_EMPTY, keccak256, padLeft, toHex } from '../crypto.ts';
import type { DatabaseFiles } from '../db/database.ts';
import { COLUMN, key, numberKey } from '../db/keys.ts';
import { readAt, readOldest } from '../db/versioned.ts';
import { decodeRlp, encodeRlp, type RlpItem } from '../rlp.ts';
import { Fault, type Hex, StateNotAvailable, type ValidatorRecord } from '../types.ts';
import { encodeManifest, PART, SNAPSHOT_LIMITS } from './format.ts';

export interface CreateOptions {
  readonly number: number;
  /** Blocks that evidence may reach back: their validators are part of what a node must know. */
  readonly evidenceMaxAgeBlocks: number;
  /** Accounts whose slots name bodies. */
  readonly recordAccounts: ReadonlySet<Hex>;
  /** Bytes of parts after which a chunk is full; default: `SNAPSHOT_LIMITS.chunkBytes`. */
  readonly chunkBytes?: number;
  /** Takes the chunks in order. */
  readonly onChunk: (index: number, bytes: Uint8Array) => void;
}

const EMPTY = new Uint8Array(0);

/** Returns the manifest. @throws StateNotAvailable, Fault if the database does not give the state root */
export async function createSnapshot(db: DatabaseFiles, options: CreateOptions): Promise<Uint8Array> {
  const { number } = options;
  if (number < 1 || number < readOldest(db))
    throw new StateNotAvailable(`the state after block ${number} is no longer kept`);
  const need = (column: Parameters<typeof numberKey>[0], at: number): Uint8Array => {
    const bytes = db.get(numberKey(column, at));
    if (bytes === undefined) throw new StateNotAvailable(`a part of block ${at} is no longer kept`);
    return bytes;
  };
  const header = need(COLUMN.header, number);
  const chunks = createChunks(options.onChunk, options.chunkBytes ?? SNAPSHOT_LIMITS.chunkBytes);
  addHistory(db, options, chunks);
  const owners = await addAccounts(db, options, decodeHeader(decodeRlp(header)).stateRoot, chunks);
  for (const [address, storageRoot] of owners) await addSlots(db, options, address, storageRoot, chunks);
  return encodeManifest({
    number,
    header,
    certificate: certificateOf(db, number) ?? need(COLUMN.certificate, number),
    voters: need(COLUMN.validators, number),
    block: need(COLUMN.block, number),
    chunks: chunks.finish(),
  });
}

/**
 * As the next block carries it, so that every node makes the same bytes; its own where that block is not there (yet).
 */
function certificateOf(db: DatabaseFiles, number: number): Uint8Array | undefined {
  const child = db.get(numberKey(COLUMN.block, number + 1));
  const block = child === undefined ? undefined : decodeBlock(child);
  if (block === undefined || block.lastCommit === null) return db.get(numberKey(COLUMN.certificate, number));
  const { lastCommit, header } = block;
  return encodeCertificate(
    fromLastCommit(
      { ...lastCommit, round: asRound(lastCommit.round) },
      { height: asHeight(number), blockHash: header.parentHash },
    ),
  );
}

interface Chunks {
  readonly fullBytes: number;
  add(part: RlpItem[], bytes: number): void;
  /** Closes the last one; returns how many there are. */
  finish(): number;
}

function createChunks(onChunk: CreateOptions['onChunk'], fullBytes: number): Chunks {
  let parts: RlpItem[] = [];
  let size = 0;
  let count = 0;
  const flush = (): void => {
    if (parts.length === 0) return;
    onChunk(count, encodeRlp(parts));
    count += 1;
    parts = [];
    size = 0;
  };
  return {
    fullBytes,
    add(part, bytes) {
      if (size + bytes > fullBytes) flush();
      parts.push(part);
      size += bytes;
    },
    finish() {
      flush();
      return count;
    },
  };
}

/** Headers and sets downwards, as far as evidence may ask; certificates where the members change. */
function addHistory(db: DatabaseFiles, options: CreateOptions, chunks: Chunks): void {
  const depth = Math.max(options.evidenceMaxAgeBlocks + 1, SNAPSHOT_LIMITS.minHistory);
  let items: RlpItem[] = [];
  let size = 0;
  const flush = (): void => {
    if (items.length > 0) chunks.add([Uint8Array.of(PART.history), items], size);
    items = [];
    size = 0;
  };
  for (let height = options.number; height >= Math.max(0, options.number - depth); height--) {
    const header = db.get(numberKey(COLUMN.header, height));
    const next = db.get(numberKey(COLUMN.validators, height + 1));
    // A chain that began with a snapshot itself has no more than that.
    if (header === undefined || next === undefined) break;
    const voters = db.get(numberKey(COLUMN.validators, height));
    const changes = voters !== undefined && !sameMembers(decodeRecords(voters), decodeRecords(next));
    const certificate = changes ? (certificateOf(db, height) ?? EMPTY) : EMPTY;
    const item = [header, next, certificate];
    const bytes = item.reduce((sum, one) => sum + one.length + 4, 4);
    if (size + bytes > chunks.fullBytes) flush();
    items.push(item);
    size += bytes;
  }
  flush();
}

/** Whether two sets vote alike: priorities decide only who proposes. */
export function sameMembers(a: readonly ValidatorRecord[], b: readonly ValidatorRecord[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, i) => {
      const other = b[i]!;
      return (
        one.address === other.address && one.blsPublicKey === other.blsPublicKey && one.power === other.power
      );
    })
  );
}

/** Returns the accounts that have storage, with its root. */
async function addAccounts(
  db: DatabaseFiles,
  { number }: CreateOptions,
  stateRoot: Hex,
  chunks: Chunks,
): Promise<Map<string, Uint8Array>> {
  const addresses = new Map<string, Uint8Array>();
  const owners = new Map<string, Uint8Array>();
  const leaves: TrieChange[] = [];
  for await (const [name] of db.scan(Uint8Array.of(COLUMN.account), Uint8Array.of(COLUMN.account + 1))) {
    const address = name.slice(1);
    const value = readAt(db, COLUMN.account, address, number);
    if (value === undefined) continue;
    const hashed = keccak256(address);
    addresses.set(bareHex(hashed), address);
    leaves.push({ key: toNibbles(hashed), value: value.slice() });
    const { storageRoot } = decodeAccount(value);
    if (!equalBytes(storageRoot, EMPTY_TRIE_ROOT)) owners.set(bareHex(address), storageRoot);
  }
  const root = updateTrie(null, leaves, noNodes);
  if (root === null || toHex(rootHash(root)) !== stateRoot)
    throw new Fault(`database: the accounts do not give the state root of block ${number}`);
  const codes = new Set<string>();
  cut(root, EMPTY, {
    fullBytes: chunks.fullBytes,
    leaf(hashed, value) {
      const { codeHash } = decodeAccount(value);
      const address = addresses.get(bareHex(hashed))!;
      if (equalBytes(codeHash, KECCAK_EMPTY)) return [address, value, EMPTY];
      const code = db.get(key(COLUMN.code, codeHash));
      if (code === undefined) throw new Fault(`database: code ${bareHex(codeHash)} is missing`);
      return [address, value, code];
    },
    node: (path, node) => chunks.add([Uint8Array.of(PART.node), EMPTY, path, encodeNode(node)], 600),
    part(path, items, bytes) {
      // A code travels with the first account that has it.
      const once = items.map(([address, value, code]): RlpItem[] => {
        const name = bareHex(decodeAccount(value!).codeHash);
        const isNew = !codes.has(name);
        codes.add(name);
        return [address!, value!, isNew ? code! : EMPTY];
      });
      chunks.add([Uint8Array.of(PART.accounts), path, once], bytes);
    },
  });
  return owners;
}

async function addSlots(
  db: DatabaseFiles,
  { number, recordAccounts }: CreateOptions,
  owner: string,
  storageRoot: Uint8Array,
  chunks: Chunks,
): Promise<void> {
  const address = Buffer.from(owner, 'hex');
  const isRecords = recordAccounts.has(`0x${owner}`);
  const from = key(COLUMN.slot, address);
  const to = key(COLUMN.slot, address, new Uint8Array(33).fill(255));
  const names = new Map<string, Uint8Array>();
  const leaves: TrieChange[] = [];
  for await (const [name] of db.scan(from, to)) {
    const value = readAt(db, COLUMN.slot, name.slice(1), number);
    if (value === undefined) continue;
    const slot = name.slice(from.length);
    const hashed = keccak256(slot);
    names.set(bareHex(hashed), slot);
    leaves.push({ key: toNibbles(hashed), value: encodeRlp(value) });
  }
  const root = updateTrie(null, leaves, noNodes);
  if (root === null || !equalBytes(rootHash(root), storageRoot))
    throw new Fault(`database: the slots of 0x${owner} do not give its storage root`);
  cut(root, EMPTY, {
    fullBytes: chunks.fullBytes,
    leaf(hashed, encoded) {
      const value = decodeRlp(encoded) as Uint8Array;
      let body: Uint8Array = EMPTY;
      if (isRecords) {
        const stored = db.get(key(COLUMN.body, padLeft(value, 32)));
        if (stored === undefined) throw new Fault(`database: a body of 0x${owner} is missing`);
        body = stored;
      }
      return [names.get(bareHex(hashed))!, value, body];
    },
    node: (path, node) => chunks.add([Uint8Array.of(PART.node), address, path, encodeNode(node)], 600),
    part: (path, items, bytes) => chunks.add([Uint8Array.of(PART.slots), address, path, items], bytes),
  });
}

interface Cutter {
  readonly fullBytes: number;
  /** The item of a leaf, by the hash that is its key. */
  leaf(hashed: Uint8Array, value: Uint8Array): Uint8Array[];
  node(path: Nibbles, node: ReadNode): void;
  part(path: Nibbles, items: Uint8Array[][], bytes: number): void;
}

/** Cuts a tree that is in memory into subtrees that fit a chunk; what is above them goes as single nodes. */
function cut(node: TrieNode, path: Nibbles, cutter: Cutter): void {
  const items: Uint8Array[][] = [];
  let bytes = 0;
  const fits = (at: TrieNode, below: Nibbles): boolean => {
    const read = at as ReadNode;
    if (read.kind === 'branch')
      return read.children.every((child, i) => child === null || fits(child, join(below, [i])));
    if (read.kind === 'extension') return fits(read.child, join(below, read.path));
    const item = cutter.leaf(fromNibbles(join(below, read.path)), read.value);
    bytes += item.reduce((sum, one) => sum + one.length + 4, 4);
    items.push(item);
    return bytes <= cutter.fullBytes || items.length === 1;
  };
  const read = node as ReadNode;
  if (fits(node, path)) {
    cutter.part(path, items, bytes);
    return;
  }
  cutter.node(path, read);
  if (read.kind === 'extension') cut(read.child, join(path, read.path), cutter);
  if (read.kind === 'branch')
    for (const [i, child] of read.children.entries()) if (child !== null) cut(child, join(path, [i]), cutter);
}

function join(path: Nibbles, more: ArrayLike<number>): Nibbles {
  const whole = new Uint8Array(path.length + more.length);
  whole.set(path);
  whole.set(more, path.length);
  return whole;
}

const noNodes = (): undefined => undefined;
