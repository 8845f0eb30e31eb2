/**
 * The state of the last committed block: flat values and tries over the database, with bounded caches. Finished
 * blocks become `Sealed` overlays on it; one of them is then written and becomes the head.
 */
import {
  bareHex,
  EMPTY_BYTES,
  EMPTY_TRIE_ROOT,
  equalBytes,
  fromHex,
  keccak256,
  padLeft,
  toHex,
} from '../crypto.ts';
import type { Database, Write } from '../db/database.ts';
import { COLUMN, key, type VersionedColumn } from '../db/keys.ts';
import { readCurrent, type VersionedWriter } from '../db/versioned.ts';
import type { WorldChanges } from '../execution/world.ts';
import { LIMITS } from '../limits.ts';
import { createLru } from '../lru.ts';
import { encodeRlp } from '../rlp.ts';
import { Fault, type Hex } from '../types.ts';
import {
  type AccountData,
  type BaseState,
  decodeAccount,
  EMPTY_ACCOUNT,
  encodeAccount,
  sameAccount,
} from './account.ts';
import {
  encodeNode,
  type NodeSource,
  type ReadNode,
  referenceOf,
  rootHash,
  stub,
  type TrieNode,
  toNibbles,
} from './nodes.ts';
import { compareTries, markPersisted, type TrieChange, updateTrie } from './trie.ts';

/** A finished block's changes with the tries that follow from them. Valid while its base is the head. */
export interface Sealed {
  stateRoot: Uint8Array;
  root: TrieNode | null;
  /** Only what differs from the base; storage roots filled in. */
  accounts: Map<Hex, AccountData | undefined>;
  slots: Map<Hex, Map<string, Uint8Array>>;
  storage: Map<Hex, { before: TrieNode | null; after: TrieNode | null }>;
  codes: ReadonlyMap<string, Uint8Array>;
  bodies: ReadonlyMap<Hex, Uint8Array>;
}

export interface HeadState extends BaseState {
  stateRoot(): Uint8Array;
  /** Works out the tries of a finished block. The base must still be this head. */
  seal(changes: WorldChanges): Sealed;
  /** The writes that make `sealed` the head, for the block's batch. */
  writes(sealed: Sealed, recordAccounts: ReadonlySet<Hex>, versioned: VersionedWriter): Write[];
  /** After the batch is durable: `sealed` is the head now. */
  advance(sealed: Sealed): void;
}

/** A state that lives in memory only: blocks are sealed and advanced on it and never written. */
export interface ScratchState extends HeadState {
  /** From here on the account has no storage, whatever the database says. */
  forgetStorage(address: Hex): void;
}

/**
 * A state to build on that is thrown away. Everything built stays in memory: the caller bounds how much that is.
 * @param read value of a versioned key at the block whose state root is given
 */
export function openScratchState(
  db: Database,
  stateRoot: Uint8Array,
  read: (column: VersionedColumn, name: Uint8Array) => Uint8Array | undefined,
): ScratchState {
  const forgotten = new Set<Hex>();
  const bodies = new Map<Hex, Uint8Array>();
  const state = openState(db, stateRoot, { read, limit: Number.POSITIVE_INFINITY, forgotten });
  return {
    ...state,
    body: (hash) => bodies.get(hash) ?? state.body(hash),
    advance(sealed) {
      for (const [hash, body] of sealed.bodies) bodies.set(hash, body);
      state.advance(sealed);
    },
    forgetStorage(address) {
      forgotten.add(address);
      state.dropStorage(address);
    },
  };
}

const ABSENT = null;

export function openHeadState(db: Database, stateRoot: Uint8Array): HeadState {
  return openState(db, stateRoot, {
    read: (column, name) => readCurrent(db, column, name),
    forgotten: new Set(),
  });
}

interface StateSource {
  read(column: VersionedColumn, name: Uint8Array): Uint8Array | undefined;
  /** Of every cache, if not the usual ones: what is not in the database must never leave the cache. */
  limit?: number;
  /** Accounts whose slots are in the caches or nowhere. */
  forgotten: Set<Hex>;
}

function openState(
  db: Database,
  stateRoot: Uint8Array,
  source: StateSource,
): HeadState & { dropStorage(address: Hex): void } {
  const { read, limit, forgotten } = source;
  const accounts = createLru<Hex, AccountData | null>(limit ?? LIMITS.maxCachedAccounts);
  const slots = createLru<string, Uint8Array>(limit ?? LIMITS.maxCachedSlots);
  const codes = createLru<string, Uint8Array>(limit ?? LIMITS.maxCachedCodes);
  const storageTries = createLru<Hex, TrieNode | null>(limit ?? LIMITS.maxOpenStorageTries);
  /** Slots in the cache, by account, of those that may be dropped. */
  const cachedSlots = new Map<Hex, Set<string>>();
  let loadedNodes = 0;
  let root: TrieNode | null = equalBytes(stateRoot, EMPTY_TRIE_ROOT) ? null : stub(stateRoot);

  const accountNodes: NodeSource = (path) => {
    loadedNodes++;
    return read(COLUMN.accountNode, path);
  };
  const slotNodes =
    (address: Uint8Array): NodeSource =>
    (path) => {
      loadedNodes++;
      const name = new Uint8Array(20 + path.length);
      name.set(address);
      name.set(path, 20);
      return read(COLUMN.slotNode, name);
    };

  const account = (address: Hex): AccountData | undefined => {
    const cached = accounts.get(address);
    if (cached !== undefined) return cached ?? undefined;
    const bytes = read(COLUMN.account, fromHex(address, 20));
    const found = bytes === undefined ? undefined : decodeAccount(bytes);
    accounts.set(address, found ?? ABSENT);
    return found;
  };
  const slot = (address: Hex, name: string): Uint8Array => {
    const cacheKey = address + name;
    const cached = slots.get(cacheKey);
    if (cached !== undefined) return cached;
    const value = forgotten.has(address)
      ? EMPTY_BYTES
      : (read(COLUMN.slot, slotKey(address, name)) ?? EMPTY_BYTES);
    remember(address, name, value);
    return value;
  };
  const remember = (address: Hex, name: string, value: Uint8Array): void => {
    slots.set(address + name, value);
    if (limit === undefined) return;
    const own = cachedSlots.get(address);
    if (own === undefined) cachedSlots.set(address, new Set([name]));
    else own.add(name);
  };

  const storageTrie = (address: Hex, owner: AccountData | undefined): TrieNode | null => {
    if (owner === undefined || equalBytes(owner.storageRoot, EMPTY_TRIE_ROOT)) return null;
    const open = storageTries.get(address);
    if (open !== undefined && open !== null) return open;
    const fresh = stub(owner.storageRoot);
    storageTries.set(address, fresh);
    return fresh;
  };

  return {
    account,
    slot,
    code(hash) {
      const name = bareHex(hash);
      const cached = codes.get(name);
      if (cached !== undefined) return cached;
      const code = db.get(key(COLUMN.code, hash));
      if (code === undefined) throw new Fault(`database: code ${name} is missing`);
      codes.set(name, code);
      return code;
    },
    body: (hash) => db.get(key(COLUMN.body, fromHex(hash, 32))),
    stateRoot: () => rootHash(root),

    seal(changes) {
      const changedAccounts = new Map<Hex, AccountData | undefined>();
      const changedSlots = new Map<Hex, Map<string, Uint8Array>>();
      const storage: Sealed['storage'] = new Map();

      for (const [address, slotChanges] of changes.slots) {
        const real = new Map<string, Uint8Array>();
        const trieChanges: TrieChange[] = [];
        for (const [name, value] of slotChanges) {
          if (equalBytes(value, slot(address, name))) continue;
          real.set(name, value);
          trieChanges.push({
            key: toNibbles(keccak256(fromHex(`0x${name}`))),
            value: value.length === 0 ? undefined : encodeRlp(value),
          });
        }
        if (real.size === 0) continue;
        const before = storageTrie(address, account(address));
        const after = updateTrie(before, trieChanges, slotNodes(fromHex(address)));
        changedSlots.set(address, real);
        storage.set(address, { before, after });
      }
      if (changes.cleared.size > 0)
        // EIP-6780 destroys only what the same transaction made, and EIP-7610 makes nothing where storage is.
        throw new Fault('storage from before a block was cleared in it');

      const trieChanges: TrieChange[] = [];
      for (const address of new Set([...changes.accounts.keys(), ...storage.keys()])) {
        const before = account(address);
        const changed = changes.accounts.has(address) ? changes.accounts.get(address) : before;
        const tries = storage.get(address);
        if (changed === undefined && tries !== undefined && tries.after !== null)
          throw new Fault(`account ${address} is gone but has storage`);
        const after =
          changed === undefined
            ? undefined
            : {
                ...changed,
                storageRoot:
                  tries === undefined ? (before ?? EMPTY_ACCOUNT).storageRoot : rootHash(tries.after),
              };
        if (sameAccount(before, after)) continue;
        changedAccounts.set(address, after);
        trieChanges.push({
          key: toNibbles(keccak256(fromHex(address))),
          value: after === undefined ? undefined : encodeAccount(after),
        });
      }
      const after = updateTrie(root, trieChanges, accountNodes);
      return {
        stateRoot: rootHash(after),
        root: after,
        accounts: changedAccounts,
        slots: changedSlots,
        storage,
        codes: changes.codes,
        bodies: changes.bodies,
      };
    },

    writes(sealed, recordAccounts, versioned) {
      const writes: Write[] = [];
      for (const [address, after] of sealed.accounts) {
        const bytes = fromHex(address);
        versioned.set(COLUMN.account, bytes, after === undefined ? undefined : encodeAccount(after));
        if (account(address) === undefined)
          writes.push({ key: key(COLUMN.preimage, keccak256(bytes)), value: bytes });
      }
      for (const [address, changed] of sealed.slots) {
        for (const [name, value] of changed) {
          versioned.set(COLUMN.slot, slotKey(address, name), value.length === 0 ? undefined : value);
          // E3: a body is stored because a slot of a record account names it.
          if (value.length > 0 && recordAccounts.has(address)) {
            const hash = toHex(padLeft(value, 32));
            const body = sealed.bodies.get(hash);
            if (body !== undefined) writes.push({ key: key(COLUMN.body, fromHex(hash)), value: body });
            else if (db.get(key(COLUMN.body, fromHex(hash))) === undefined)
              throw new Fault(`a record of ${address} names the body ${hash}, which nobody gave`);
          }
        }
      }
      for (const [name, code] of sealed.codes)
        writes.push({ key: key(COLUMN.code, fromHex(`0x${name}`)), value: code });
      const accountChanges = compareTries(root, sealed.root, accountNodes);
      for (const { path, node } of accountChanges.put)
        versioned.set(COLUMN.accountNode, path, encodeNode(node));
      for (const path of accountChanges.remove) versioned.set(COLUMN.accountNode, path, undefined);
      for (const [address, { before, after }] of sealed.storage) {
        const owner = fromHex(address);
        const changed = compareTries(before, after, slotNodes(owner));
        const named = (path: Uint8Array): Uint8Array => {
          const name = new Uint8Array(20 + path.length);
          name.set(owner);
          name.set(path, 20);
          return name;
        };
        for (const { path, node } of changed.put)
          versioned.set(COLUMN.slotNode, named(path), encodeNode(node));
        for (const path of changed.remove) versioned.set(COLUMN.slotNode, named(path), undefined);
      }
      return writes;
    },

    advance(sealed) {
      for (const [address, after] of sealed.accounts) accounts.set(address, after ?? ABSENT);
      for (const [address, changed] of sealed.slots)
        for (const [name, value] of changed) remember(address, name, value);
      for (const [name, code] of sealed.codes) codes.set(name, code);
      for (const [address, { after }] of sealed.storage) {
        loadedNodes += markPersisted(after);
        storageTries.set(address, after);
      }
      loadedNodes += markPersisted(sealed.root);
      root = sealed.root;
      if (loadedNodes > (limit ?? LIMITS.maxCachedTrieNodes)) {
        storageTries.clear();
        root = root === null ? null : trim(root, LIMITS.keptTrieLevels);
        loadedNodes = 0;
      }
    },

    dropStorage(address) {
      for (const name of cachedSlots.get(address) ?? []) slots.delete(address + name);
      cachedSlots.delete(address);
      storageTries.delete(address);
      const owner = account(address);
      if (owner !== undefined) accounts.set(address, { ...owner, storageRoot: EMPTY_TRIE_ROOT });
    },
  };
}

function slotKey(address: Hex, name: string): Uint8Array {
  return fromHex(address + name);
}

/** The same tree, with everything below `levels` read again when it is needed. */
function trim(node: TrieNode, levels: number): TrieNode {
  const read = node.kind === 'stub' ? node.loaded : node;
  if (read === undefined) return node;
  const reference = referenceOf(node);
  // What is stored inside its parent has no record of its own to be read again from.
  if (reference.length < 32) return read;
  if (levels === 0) return stub(reference);
  if (read.kind === 'leaf') return read;
  const kept: ReadNode =
    read.kind === 'extension'
      ? { ...read, child: trim(read.child, levels) }
      : {
          ...read,
          children: read.children.map((child) => (child === null ? null : trim(child, levels - 1))),
        };
  return kept;
}
