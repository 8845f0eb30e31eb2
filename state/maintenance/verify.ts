/**
 * Reads all of a stopped chain and compares it with what it commits to: links of headers, bodies, receipts and
 * certificates with their headers, the flat state with the state root (rebuilt from nothing), every stored trie node
 * with the hash that its parent names, every code and body with its hash, the indexes with the receipts.
 *
 * Limitations: the accounts, and the slots of one account at a time, are held in memory, about 300 bytes each.
 */
import { type AccountData, decodeAccount } from '../accounts/account.ts';
import { fromNibbles, type NodeSource, rootHash, stub, toNibbles } from '../accounts/nodes.ts';
import { type TrieChange, updateTrie, walkLeaves } from '../accounts/trie.ts';
import { decodeBlock } from '../block/codec.ts';
import {
  bareHex,
  EMPTY_TRIE_ROOT,
  equalBytes,
  fromHex,
  KECCAK_EMPTY,
  keccak256,
  padLeft,
  toHex,
} from '../crypto.ts';
import type { DatabaseFiles } from '../db/database.ts';
import { decodeHead } from '../db/head-record.ts';
import { COLUMN, hashKey, key, metaKey, numberKey, readU32, readU48 } from '../db/keys.ts';
import { readMark } from '../db/marks.ts';
import { CURRENT_HEAD_BYTES, readCurrent, readOldest } from '../db/versioned.ts';
import { encodeRlp } from '../rlp.ts';
import { type BlsPort, ChainError, Fault, type Head, type Hex } from '../types.ts';
import { problemOfBody, problemOfCertificate, problemOfReceipts, readHeader } from './check-head.ts';
import { LIMITS } from './limits.ts';
import { verifyIndexes } from './verify-indexes.ts';

export interface Verification {
  /** At most `LIMITS.maxProblems` sentences; empty: all is whole. */
  readonly problems: readonly string[];
  readonly head: number;
  readonly headers: number;
  readonly bodies: number;
  readonly receipts: number;
  readonly certificates: number;
  readonly accounts: number;
  readonly slots: number;
  readonly trieNodes: number;
  readonly bodiesOfRecords: number;
  readonly indexEntries: number;
}

export interface VerifyOptions {
  readonly genesisHash: Hex;
  /** Accounts whose slots name bodies. */
  readonly recordAccounts: ReadonlySet<Hex>;
  /** Checks every certificate with it, 1 ms each; without, only that they are there. */
  readonly bls?: Pick<BlsPort, 'fastAggregateVerify'>;
}

/** Before the value in a history record. */
const HISTORY_HEAD_BYTES = 6;

class Enough extends Error {}

type Report = { -readonly [K in keyof Verification]: Verification[K] } & { problems: string[] };

/** @throws ChainError NOT_INITIALISED, Fault if the disk fails */
export async function verifyDatabase(db: DatabaseFiles, options: VerifyOptions): Promise<Verification> {
  const bytes = db.get(metaKey('head'));
  if (bytes === undefined) throw new ChainError('NOT_INITIALISED', `no chain in ${db.dir}`);
  const head = decodeHead(bytes);
  const report: Report = {
    problems: [],
    head: head.number,
    headers: 0,
    bodies: 0,
    receipts: 0,
    certificates: 0,
    accounts: 0,
    slots: 0,
    trieNodes: 0,
    bodiesOfRecords: 0,
    indexEntries: 0,
  };
  const found = (problem: string | undefined): void => {
    if (problem === undefined) return;
    report.problems.push(problem);
    if (report.problems.length >= LIMITS.maxProblems) throw new Enough();
  };
  try {
    await verifyBlocks(db, head, options, report, found);
    report.indexEntries = await verifyIndexes(db, head.number, found);
    await verifyHistory(db, head, options.recordAccounts, found);
    await verifyState(db, head, options, report, found);
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  }
  return report;
}

type Found = (problem: string | undefined) => void;

async function verifyBlocks(
  db: DatabaseFiles,
  head: Head,
  options: VerifyOptions,
  report: Report,
  found: Found,
): Promise<void> {
  const { genesisHash, bls } = options;
  let parent: { number: number; hash: Hex } | undefined;
  for await (const [name] of db.scan(Uint8Array.of(COLUMN.header), Uint8Array.of(COLUMN.header + 1))) {
    const number = readU48(name, 1);
    report.headers += 1;
    if (number > head.number) found(`there is a header of block ${number}, above the head`);
    if (parent !== undefined && number !== parent.number + 1)
      found(`headers ${parent.number + 1} to ${number - 1} are missing`);
    const read = readHeader(db, number);
    if (typeof read === 'string') {
      found(read);
      parent = undefined;
      continue;
    }
    if (number === 0 && read.hash !== genesisHash) found('block 0 is not the one of the genesis file');
    if (parent !== undefined && parent.number + 1 === number && read.header.parentHash !== parent.hash)
      found(`block ${number} does not follow block ${number - 1}`);
    parent = { number, hash: read.hash };
    const index = db.get(hashKey(COLUMN.blockHash, read.hash));
    if (index === undefined || readU48(index, 0) !== number)
      found(`block ${number} is not found by its hash`);
    if (number >= readMark(db, 'oldestBlock')) {
      report.bodies += 1;
      const problem = problemOfBody(db, number);
      found(problem);
      if (problem === undefined) verifyIndex(db, number, found);
    }
    if (number >= readMark(db, 'oldestReceipts')) {
      report.receipts += 1;
      found(problemOfReceipts(db, number));
    }
    if (number >= Math.max(1, readMark(db, 'oldestBlock'))) {
      report.certificates += 1;
      if (bls !== undefined) found(problemOfCertificate(db, number, genesisHash, bls));
      else if (db.get(numberKey(COLUMN.certificate, number)) === undefined)
        found(`the certificate of block ${number} is missing`);
    }
  }
  if (parent?.hash !== head.hash) found(`the newest header is not the head's (block ${head.number})`);
}

function verifyIndex(db: DatabaseFiles, number: number, found: Found): void {
  if (number < readMark(db, 'oldestIndex')) return;
  const { transactions } = decodeBlock(db.get(numberKey(COLUMN.block, number))!);
  for (const [i, raw] of transactions.entries()) {
    const at = db.get(key(COLUMN.transaction, keccak256(raw)));
    if (at === undefined || readU48(at, 0) !== number || readU32(at, 6) !== i)
      found(`transaction ${i} of block ${number} is not found by its hash`);
  }
}

/** Every change of a kept state must be readable, with the bodies that the values before it name. */
async function verifyHistory(
  db: DatabaseFiles,
  head: Head,
  recordAccounts: ReadonlySet<Hex>,
  found: Found,
): Promise<void> {
  const oldest = readOldest(db);
  for await (const [name, list] of db.scan(
    Uint8Array.of(COLUMN.changes),
    Uint8Array.of(COLUMN.changes + 1),
  )) {
    const number = readU48(name, 1);
    if (number <= oldest || number > head.number)
      found(`there are changes of block ${number}, which has no state`);
    for (let at = 0; at < list.length; ) {
      const length = (list[at]! << 8) | list[at + 1]!;
      const past = list.subarray(at + 2, at + 2 + length);
      at += 2 + length;
      const before = db.get(key(COLUMN.history, past));
      if (before === undefined) found(`a change of block ${number} has lost the value before it`);
      else if (past[0] === COLUMN.slot && before.length > HISTORY_HEAD_BYTES)
        verifyBody(
          db,
          toHex(past.subarray(1, 21)),
          before.subarray(HISTORY_HEAD_BYTES),
          recordAccounts,
          found,
        );
    }
  }
}

/** True if the slot names a body. */
function verifyBody(
  db: DatabaseFiles,
  address: Hex,
  value: Uint8Array,
  recordAccounts: ReadonlySet<Hex>,
  found: Found,
): boolean {
  if (!recordAccounts.has(address)) return false;
  const hash = padLeft(value, 32);
  const body = db.get(key(COLUMN.body, hash));
  if (body === undefined || !equalBytes(keccak256(body), hash))
    found(`a record of account ${address} has lost its body ${toHex(hash)}`);
  return true;
}

async function verifyState(
  db: DatabaseFiles,
  head: Head,
  options: VerifyOptions,
  report: Report,
  found: Found,
): Promise<void> {
  const accounts = await readFlatAccounts(db);
  report.accounts = accounts.size;
  const changes: TrieChange[] = [];
  for (const [address, { bytes, data }] of accounts) {
    const owner = Buffer.from(address, 'hex');
    const hashed = keccak256(owner);
    changes.push({ key: toNibbles(hashed), value: bytes });
    const preimage = db.get(key(COLUMN.preimage, hashed));
    if (preimage === undefined || !equalBytes(preimage, owner))
      found(`account 0x${address} is not found by its hash`);
    if (!equalBytes(data.codeHash, KECCAK_EMPTY)) {
      const code = db.get(key(COLUMN.code, data.codeHash));
      if (code === undefined || !equalBytes(keccak256(code), data.codeHash))
        found(`the code of account 0x${address} is missing or another one's`);
    }
  }
  const root = rootHash(updateTrie(null, changes, noNodes));
  if (toHex(root) !== head.stateRoot) found('the accounts do not give the state root of the head');
  await verifySlots(db, accounts, options.recordAccounts, report, found);
  verifyNodes(
    'the accounts',
    fromHex(head.stateRoot, 32),
    (path) => readCurrent(db, COLUMN.accountNode, path),
    report,
    found,
  );
  for (const [address, { data }] of accounts) {
    if (equalBytes(data.storageRoot, EMPTY_TRIE_ROOT)) continue;
    const owner = Buffer.from(address, 'hex');
    const source: NodeSource = (path) => readCurrent(db, COLUMN.slotNode, Buffer.concat([owner, path]));
    verifyNodes(`account 0x${address}`, data.storageRoot, source, report, found);
  }
}

type FlatAccounts = Map<string, { bytes: Uint8Array; data: AccountData }>;

async function readFlatAccounts(db: DatabaseFiles): Promise<FlatAccounts> {
  const accounts: FlatAccounts = new Map();
  for await (const [name, record] of db.scan(
    Uint8Array.of(COLUMN.account),
    Uint8Array.of(COLUMN.account + 1),
  )) {
    if (record.length <= CURRENT_HEAD_BYTES) continue;
    const bytes = record.slice(CURRENT_HEAD_BYTES);
    accounts.set(bareHex(name.subarray(1)), { bytes, data: decodeAccount(bytes) });
  }
  return accounts;
}

/** The slots of each account, which stand together, give its storage root; those of record accounts name bodies. */
async function verifySlots(
  db: DatabaseFiles,
  accounts: FlatAccounts,
  recordAccounts: ReadonlySet<Hex>,
  report: Report,
  found: Found,
): Promise<void> {
  let owner = '';
  let changes: TrieChange[] = [];
  const seen = new Set<string>();
  const finish = (): void => {
    if (owner === '') return;
    seen.add(owner);
    const root = rootHash(updateTrie(null, changes, noNodes));
    const account = accounts.get(owner);
    if (!equalBytes(root, account?.data.storageRoot ?? EMPTY_TRIE_ROOT))
      found(`the slots of account 0x${owner} do not give its storage root`);
    changes = [];
  };
  for await (const [name, record] of db.scan(Uint8Array.of(COLUMN.slot), Uint8Array.of(COLUMN.slot + 1))) {
    if (record.length <= CURRENT_HEAD_BYTES) continue;
    const address = bareHex(name.subarray(1, 21));
    if (address !== owner) {
      finish();
      owner = address;
    }
    const value = record.slice(CURRENT_HEAD_BYTES);
    report.slots += 1;
    changes.push({ key: toNibbles(keccak256(name.subarray(21))), value: encodeRlp(value) });
    if (verifyBody(db, `0x${address}`, value, recordAccounts, found)) report.bodiesOfRecords += 1;
  }
  finish();
  for (const [address, { data }] of accounts)
    if (!seen.has(address) && !equalBytes(data.storageRoot, EMPTY_TRIE_ROOT))
      found(`account 0x${address} has lost all its slots`);
}

function verifyNodes(what: string, root: Uint8Array, source: NodeSource, report: Report, found: Found): void {
  if (equalBytes(root, EMPTY_TRIE_ROOT)) return;
  const counted: NodeSource = (path) => {
    report.trieNodes += 1;
    return source(path);
  };
  try {
    walkLeaves(stub(root), undefined, counted, (path) => fromNibbles(path).length === 32);
  } catch (error) {
    // The walk ends at the first node that is missing or wrong, and says at which path.
    if (!(error instanceof Fault) && !(error instanceof RangeError)) throw error;
    found(`the trie of ${what}: ${error.message}`);
  }
}

const noNodes: NodeSource = () => undefined;
