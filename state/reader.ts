/**
 * Everything that the RPC, sync and the explorer read, for the executor's thread and for others of the same process:
 * `openReader` shares the executor's database handle. All reads are synchronous; reads of past states go through
 * the versioned columns, so a commit in between never mixes two states.
 */
import type { ChainParams, Genesis } from '../genesis/types.ts';
import { type AccountData, type BaseState, decodeAccount, viewOfAccount } from './accounts/account.ts';
import { openScratchState, type ScratchState } from './accounts/head-state.ts';
import {
  encodeNode,
  fromNibbles,
  type NodeSource,
  stub,
  type TrieNode,
  toNibbles,
} from './accounts/nodes.ts';
import { getFromTrie, pathToKey, walkLeaves } from './accounts/trie.ts';
import { decodeBlock, decodeHeader } from './block/codec.ts';
import { decodeStoredReceipts } from './block/receipts.ts';
import { decodeRecords } from './block/validators.ts';
import {
  bareHex,
  bytesToBigint,
  EMPTY_BYTES,
  EMPTY_TRIE_ROOT,
  EMPTY_TRIE_ROOT_HEX,
  equalBytes,
  fromHex,
  KECCAK_EMPTY,
  keccak256,
  padLeft,
  toHex,
} from './crypto.ts';
import { type Database, openDatabase } from './db/database.ts';
import { decodeHead } from './db/head-record.ts';
import { COLUMN, hashKey, key, metaKey, numberKey, readU32, readU48 } from './db/keys.ts';
import { readMark } from './db/marks.ts';
import { readAt, readOldest } from './db/versioned.ts';
import { createPostingReader } from './indexes/reader.ts';
import { LIMITS } from './limits.ts';
import { createLru } from './lru.ts';
import { decodeRlp, rlpBytes } from './rlp.ts';
import {
  type AccountProof,
  type AccountView,
  type Block,
  type BlockHeader,
  ChainError,
  type ChainReader,
  Fault,
  type Head,
  type Hex,
  type Receipt,
  StateNotAvailable,
  type StateView,
  type ValidatorRecord,
} from './types.ts';

/** A `ChainReader` with what calls and tools need besides. */
export interface Reader extends ChainReader {
  headerByNumber(number: number): BlockHeader | undefined;
  hashByNumber(number: number): Hex | undefined;
  numberByHash(hash: Hex): number | undefined;
  /** The set that votes on block `number`; known up to the head's child. */
  validators(number: number): ValidatorRecord[] | undefined;
  /** The state after `number` as a base for execution. */
  baseAt(number: number): BaseState;
  /** The state after `number` as a base for blocks with roots, in memory only. */
  scratchAt(number: number): ScratchState;
  close(): Promise<void>;
}

/**
 * Opens the chain in `dir` for reading, beside an executor of the same process.
 * @throws ChainError NOT_INITIALISED, WRONG_CHAIN, DATA_DIR_IN_USE (another process holds it)
 */
export async function openReader(
  dir: string,
  genesis: Genesis | { params: ChainParams; genesisHash: Hex },
): Promise<Reader> {
  const db = await openDatabase(dir, { readOnly: true });
  try {
    const stored = db.get(metaKey('genesis'));
    if (stored === undefined)
      throw new ChainError('NOT_INITIALISED', `no chain in ${dir}: start a node there first`);
    const storedHash = toHex(stored);
    if ('genesisHash' in genesis && genesis.genesisHash !== storedHash)
      throw new ChainError('WRONG_CHAIN', wrongChain(dir, storedHash, genesis.genesisHash));
    return createReader(db, genesis.params, storedHash);
  } catch (error) {
    await db.close();
    throw error;
  }
}

export function wrongChain(dir: string, found: Hex, expected: Hex): string {
  return `${dir} holds the chain with genesis ${found}, but the genesis file gives ${expected}: use another --data-dir or the right genesis file`;
}

/** How the stored records of blocks are read. */
export interface BlockCodec {
  header(bytes: Uint8Array): BlockHeader;
  block(bytes: Uint8Array): Block;
  receipts(bytes: Uint8Array): Receipt[];
}

const OWN_BLOCKS: BlockCodec = {
  header: (bytes) => decodeHeader(decodeRlp(bytes)),
  block: decodeBlock,
  receipts: decodeStoredReceipts,
};

/** @param codec another than ours reads a chain that was imported from elsewhere */
export function createReader(
  db: Database,
  params: ChainParams,
  genesisHash: Hex,
  codec: BlockCodec = OWN_BLOCKS,
): Reader {
  const blocks = createLru<Hex, Block>(LIMITS.maxReaderCache);
  const codes = createLru<string, Uint8Array>(LIMITS.maxReaderCache << 2);
  const hashes = createLru<number, Hex>(LIMITS.maxKnownHashes);
  const receiptsCache = createLru<number, Receipt[]>(LIMITS.maxReaderCache);
  let headBytes: Uint8Array = EMPTY_BYTES;
  let headCache: Head | undefined;

  function head(): Head {
    const bytes = db.get(metaKey('head'));
    if (bytes === undefined) throw new Fault('database: no head');
    if (headCache === undefined || !equalBytes(bytes, headBytes)) {
      headCache = decodeHead(bytes);
      headBytes = bytes;
    }
    return headCache;
  }

  function headerByNumber(number: number): BlockHeader | undefined {
    const bytes = db.get(numberKey(COLUMN.header, number));
    return bytes === undefined ? undefined : codec.header(bytes);
  }

  /** BLOCKHASH costs 20 gas, far less than a look-up and a hash: blocks are final, so hashes are remembered. */
  function hashByNumber(number: number): Hex | undefined {
    const known = hashes.get(number);
    if (known !== undefined) return known;
    const bytes = db.get(numberKey(COLUMN.header, number));
    if (bytes === undefined) return undefined;
    const hash = toHex(keccak256(bytes));
    hashes.set(number, hash);
    return hash;
  }

  function numberByHash(hash: Hex): number | undefined {
    const bytes = db.get(hashKey(COLUMN.blockHash, hash));
    return bytes === undefined ? undefined : readU48(bytes, 0);
  }

  function assertState(number: number): void {
    const newest = head().number;
    if (number > newest || number < 0)
      throw new StateNotAvailable(`there is no block ${number} yet; the head is ${newest}`);
    const oldest = readOldest(db);
    if (number < oldest)
      throw new StateNotAvailable(
        `the state after block ${number} is no longer kept; the oldest is ${oldest}`,
      );
  }

  /** Undefined for what never was here. @throws StateNotAvailable for what was forgotten: it must not look empty. */
  function receiptsGone(number: number): undefined {
    const oldest = readMark(db, 'oldestReceipts');
    if (number < oldest)
      throw new StateNotAvailable(
        `receipts of block ${number} are no longer kept; the oldest are of ${oldest}`,
      );
    return undefined;
  }

  function accountAt(address: Hex, number: number): AccountData | undefined {
    const bytes = readAt(db, COLUMN.account, fromHex(address, 20), number);
    return bytes === undefined ? undefined : decodeAccount(bytes);
  }

  function baseAt(number: number): BaseState {
    assertState(number);
    const accounts = createLru<Hex, AccountData | null>(LIMITS.maxCachedSlots >> 4);
    const slots = createLru<string, Uint8Array>(LIMITS.maxCachedSlots >> 4);
    return {
      account(address) {
        const cached = accounts.get(address);
        if (cached !== undefined) return cached ?? undefined;
        const account = accountAt(address, number);
        accounts.set(address, account ?? null);
        return account;
      },
      slot(address, slot) {
        const name = address + slot;
        const cached = slots.get(name);
        if (cached !== undefined) return cached;
        const value = readAt(db, COLUMN.slot, fromHex(name), number) ?? EMPTY_BYTES;
        slots.set(name, value);
        return value;
      },
      code: readCode,
      body: (hash) => db.get(hashKey(COLUMN.body, hash)),
    };
  }

  function readCode(hash: Uint8Array): Uint8Array {
    if (equalBytes(hash, KECCAK_EMPTY)) return EMPTY_BYTES;
    // The same object each time, since what is known about a code hangs on it.
    const name = bareHex(hash);
    const cached = codes.get(name);
    if (cached !== undefined) return cached;
    const code = db.get(key(COLUMN.code, hash));
    if (code === undefined) throw new Fault(`database: code ${name} is missing`);
    codes.set(name, code);
    return code;
  }

  function stateAt(number: number): StateView {
    const base = baseAt(number);
    return {
      account(address) {
        const account = base.account(address);
        return account === undefined ? undefined : viewOfAccount(account);
      },
      storage: (address, slot) => padLeft(base.slot(address, bareHex(slot)), 32),
      code(address) {
        const account = base.account(address);
        return account === undefined ? EMPTY_BYTES : readCode(account.codeHash);
      },
      body: base.body,
    };
  }

  const accountNodesAt =
    (number: number): NodeSource =>
    (path) =>
      readAt(db, COLUMN.accountNode, path, number);

  function rootAt(number: number): TrieNode {
    const header = headerByNumber(number);
    if (header === undefined) throw new Fault(`database: header ${number} is missing`);
    return stub(fromHex(header.stateRoot));
  }

  function proof(address: Hex, slots: Hex[], number: number): AccountProof {
    assertState(number);
    const owner = fromHex(address, 20);
    const hashed = toNibbles(keccak256(owner));
    const nodes = pathToKey(rootAt(number), hashed, accountNodesAt(number));
    const account = accountAt(address, number);
    const slotNodes: NodeSource = (path) => {
      const name = new Uint8Array(20 + path.length);
      name.set(owner);
      name.set(path, 20);
      return readAt(db, COLUMN.slotNode, name, number);
    };
    const storageRoot =
      account === undefined || equalBytes(account.storageRoot, EMPTY_TRIE_ROOT)
        ? null
        : stub(account.storageRoot);
    return {
      address,
      account: account === undefined ? undefined : viewOfAccount(account),
      accountProof: nodes.map(encodeNode),
      storageProof: slots.map((slot) => {
        const slotKey = toNibbles(keccak256(fromHex(slot, 32)));
        const value = getFromTrie(storageRoot, slotKey, slotNodes);
        return {
          key: slot,
          value: value === undefined ? 0n : bytesToBigint(rlpBytes(decodeRlp(value))),
          proof: pathToKey(storageRoot, slotKey, slotNodes).map(encodeNode),
        };
      }),
    };
  }

  function accounts(after: Hex | undefined, limit: number): { address: Hex; account: AccountView }[] {
    const number = head().number;
    const found: { address: Hex; account: AccountView }[] = [];
    const most = Math.min(limit, LIMITS.maxAccountsPage);
    if (headerByNumber(number)?.stateRoot === EMPTY_TRIE_ROOT_HEX || most <= 0) return found;
    const from = after === undefined ? undefined : toNibbles(keccak256(fromHex(after, 20)));
    walkLeaves(rootAt(number), from, accountNodesAt(number), (hashed, value) => {
      const address = db.get(key(COLUMN.preimage, fromNibbles(hashed)));
      if (address === undefined) throw new Fault(`database: address of ${bareHex(hashed)} is missing`);
      found.push({ address: toHex(address), account: viewOfAccount(decodeAccount(value)) });
      return found.length < most;
    });
    return found;
  }

  function blockByNumber(number: number): Block | undefined {
    const hash = hashByNumber(number);
    if (hash === undefined) return undefined;
    let block = blocks.get(hash);
    if (block === undefined) {
      const bytes = db.get(numberKey(COLUMN.block, number));
      if (bytes === undefined) return undefined;
      block = codec.block(bytes);
      if (block.hash !== hash) throw new Fault(`database: block ${number} is not the one of its header`);
      blocks.set(hash, block);
    }
    return block;
  }

  return {
    params,
    genesisHash,
    head,
    oldestState: () => readOldest(db),
    headerByNumber,
    hashByNumber,
    numberByHash,
    blockByNumber,
    blockByHash(hash) {
      const number = numberByHash(hash);
      return number === undefined ? undefined : blockByNumber(number);
    },
    blockBytes: (number) => db.get(numberKey(COLUMN.block, number)),
    certificate: (number) => db.get(numberKey(COLUMN.certificate, number)),
    validators(number) {
      const bytes = db.get(numberKey(COLUMN.validators, number));
      return bytes === undefined ? undefined : decodeRecords(bytes);
    },
    receipts(number) {
      let receipts = receiptsCache.get(number);
      if (receipts === undefined) {
        const bytes = db.get(numberKey(COLUMN.receipts, number));
        if (bytes === undefined) return receiptsGone(number);
        receipts = codec.receipts(bytes);
        receiptsCache.set(number, receipts);
      }
      return receipts;
    },
    oldestReceipts: () => readMark(db, 'oldestReceipts'),
    postings: createPostingReader(db),
    transactionLocation(hash) {
      const bytes = db.get(hashKey(COLUMN.transaction, hash));
      return bytes === undefined ? undefined : { number: readU48(bytes, 0), index: readU32(bytes, 6) };
    },
    stateAt,
    baseAt,
    scratchAt(number) {
      assertState(number);
      const header = headerByNumber(number);
      if (header === undefined) throw new Fault(`database: header ${number} is missing`);
      return openScratchState(db, fromHex(header.stateRoot), (column, name) =>
        readAt(db, column, name, number),
      );
    },
    proof,
    accounts,
    close: () => db.close(),
  };
}
