/**
 * Fills an empty database from a snapshot. Every chunk is checked when it comes, against hashes that follow from the
 * block alone: headers by the hash of their child, tries from the root down, codes, records and sets by their hash.
 * The block is trusted because its headers lead down to one whose hash a person gave, and because from there on the
 * validators, through each change of their members, have signed the way up (A11). Nothing is a chain before `finish`.
 */
import { verifyCertificate } from '../../consensus/certificate.ts';
import { decodeCertificate } from '../../consensus/codec.ts';
import type { ChainParams } from '../../genesis/types.ts';
import { decodeAccount, viewOfAccount } from '../accounts/account.ts';
import {
  decodeNode,
  encodeNode,
  isStored,
  type Nibbles,
  type ReadNode,
  referenceOf,
  type TrieNode,
  toNibbles,
} from '../accounts/nodes.ts';
import { type TrieChange, updateTrie } from '../accounts/trie.ts';
import { bodyIsOfHeader, randaoAfter } from '../block/body.ts';
import { decodeBlock, decodeHeader } from '../block/codec.ts';
import { decodeRecords, setHash, toValidatorSet } from '../block/validators.ts';
import {
  bareHex,
  concat,
  EMPTY_BYTES,
  EMPTY_TRIE_ROOT,
  equalBytes,
  fromHex,
  KECCAK_EMPTY,
  keccak256,
  keccakHex,
  padLeft,
  toHex,
} from '../crypto.ts';
import type { Database, Write } from '../db/database.ts';
import { encodeHead } from '../db/head-record.ts';
import { COLUMN, FORMAT_VERSION, hashKey, key, metaKey, numberKey, u32, u48 } from '../db/keys.ts';
import { readCurrent } from '../db/versioned.ts';
import type { ModuleTable } from '../execution/module-table.ts';
import { LIMITS } from '../limits.ts';
import { decodeRlp, encodeRlp, type RlpItem, rlpBytes, rlpList } from '../rlp.ts';
import type { Block, BlockHeader, BlsPort, Head, Hex, StateView, ValidatorRecord } from '../types.ts';
import { sameMembers } from './create.ts';
import {
  decodeChunk,
  decodeManifest,
  type Manifest,
  malformed,
  PART,
  SNAPSHOT_LIMITS,
  SnapshotError,
} from './format.ts';

/** A block that the operator knows to be on the chain, from a source that he trusts. */
export interface Trust {
  readonly height: number;
  readonly hash: Hex;
}

export interface RestoreOptions {
  /** Of the genesis file; part of everything that validators sign. */
  readonly genesisHash: Hex;
  readonly params: Pick<ChainParams, 'consensus'>;
  readonly trust: Trust;
  readonly bls: Pick<BlsPort, 'fastAggregateVerify'>;
  readonly modules: Pick<ModuleTable, 'recordAccounts' | 'hooks'>;
}

export interface Restore {
  readonly manifest: Manifest;
  /** Hash of the block of the snapshot. */
  readonly hash: Hex;
  /** The next chunk, in order. @throws SnapshotError; the database then holds rubbish and must be deleted */
  add(bytes: Uint8Array): Promise<void>;
  /** Makes the database a chain whose head is the block. @throws SnapshotError INCOMPLETE */
  finish(): Promise<Head>;
}

/** @throws SnapshotError MALFORMED, NOT_TRUSTED */
export function startRestore(db: Database, manifestBytes: Uint8Array, options: RestoreOptions): Restore {
  try {
    return run(db, decodeManifest(manifestBytes), options);
  } catch (error) {
    throw malformed(error);
  }
}

function run(db: Database, manifest: Manifest, options: RestoreOptions): Restore {
  const { number } = manifest;
  const block = blockOf(manifest);
  const history = createHistory(db, manifest, block, options);
  const tries = createTries(number, options.modules.recordAccounts);
  let next = 0;
  let inState = false;

  const addPart = (part: readonly RlpItem[], writes: Write[]): void => {
    const kind = rlpBytes(part[0], 1)[0];
    if (kind === PART.history) {
      if (inState) throw new SnapshotError('WRONG_CHUNK', 'headers after the state');
      const items = rlpList(part[1]);
      if (items.length === 0) throw new SnapshotError('WRONG_CHUNK', 'a part without a header');
      for (const item of items) history.add(rlpList(item, 3), writes);
      return;
    }
    if (!inState) {
      history.finish(writes);
      tries.expectAccounts(fromHex(block.header.stateRoot, 32));
      inState = true;
    }
    if (kind === PART.node) tries.addNode(rlpBytes(part[1]), rlpBytes(part[2]), rlpBytes(part[3]), writes);
    else if (kind === PART.accounts) tries.addAccounts(rlpBytes(part[1]), rlpList(part[2]), writes);
    else if (kind === PART.slots)
      tries.addSlots(rlpBytes(part[1], 20), rlpBytes(part[2]), rlpList(part[3]), writes);
    else throw new SnapshotError('MALFORMED', `a part of kind ${kind}`);
  };

  return {
    manifest,
    hash: block.hash,
    async add(bytes) {
      if (next >= manifest.chunks)
        throw new SnapshotError('WRONG_CHUNK', 'more chunks than the manifest names');
      const writes: Write[] = [];
      try {
        const parts = decodeChunk(bytes);
        // Otherwise a manifest of a million chunks of nothing would keep an empty node waiting for hours.
        if (parts.length === 0) throw new SnapshotError('WRONG_CHUNK', 'a chunk without a part');
        for (const part of parts) addPart(part, writes);
      } catch (error) {
        throw malformed(error);
      }
      await db.write(writes);
      next += 1;
    },
    async finish() {
      if (next !== manifest.chunks || !inState)
        throw new SnapshotError('INCOMPLETE', `${next} of ${manifest.chunks} chunks have come`);
      tries.finish();
      const head = headOf(db, block, options.modules);
      if (setHash(head.nextValidators) !== block.header.extraData)
        throw new SnapshotError('INCOMPLETE', 'the state names other validators than the header');
      await db.write([
        { key: numberKey(COLUMN.block, number), value: manifest.block },
        { key: numberKey(COLUMN.certificate, number), value: manifest.certificate },
        { key: numberKey(COLUMN.validators, number), value: manifest.voters },
        { key: metaKey('oldest'), value: u48(number) },
        { key: metaKey('oldestBlock'), value: u48(number) },
        { key: metaKey('oldestReceipts'), value: u48(number + 1) },
        { key: metaKey('oldestIndex'), value: u48(number + 1) },
        { key: metaKey('format'), value: Uint8Array.of(FORMAT_VERSION) },
        { key: metaKey('genesis'), value: fromHex(options.genesisHash, 32) },
        { key: metaKey('head'), value: encodeHead(head) },
      ]);
      return head;
    },
  };
}

function blockOf(manifest: Manifest): Block {
  const block = decodeBlock(manifest.block);
  if (block.header.number !== manifest.number || block.hash !== keccakHex(manifest.header))
    throw new SnapshotError('MALFORMED', 'the manifest does not hold the block that it names');
  // The hash is the header's: whoever serves the block could put another time or other transactions under it.
  if (!bodyIsOfHeader(block, undefined))
    throw new SnapshotError('MALFORMED', 'the block in the manifest has another body than its header');
  return block;
}

function headOf(db: Database, block: Block, modules: RestoreOptions['modules']): Head {
  const { next, afterNext } = modules.hooks.validatorSets(viewOf(db));
  return {
    number: block.header.number,
    hash: block.hash,
    stateRoot: block.header.stateRoot,
    timestamp: block.header.timestamp,
    timestampMs: block.timestampMs,
    nextValidators: next,
    afterNextValidators: afterNext,
  };
}

/** The restored state, before there is a head. */
function viewOf(db: Database): StateView {
  const account = (address: Hex) => {
    const bytes = readCurrent(db, COLUMN.account, fromHex(address, 20));
    return bytes === undefined ? undefined : decodeAccount(bytes);
  };
  return {
    account(address) {
      const found = account(address);
      return found && viewOfAccount(found);
    },
    storage: (address, slot) =>
      padLeft(readCurrent(db, COLUMN.slot, concat(fromHex(address, 20), slot)) ?? EMPTY_BYTES, 32),
    code: (address) => db.get(key(COLUMN.code, account(address)?.codeHash ?? KECCAK_EMPTY)) ?? EMPTY_BYTES,
    body: (hash) => db.get(key(COLUMN.body, fromHex(hash, 32))),
  };
}

// --- history -------------------------------------------------------------------------------------------------------

interface History {
  /** (header, set of the next block, certificate or empty), one block further down each. */
  add(item: readonly RlpItem[], writes: Write[]): void;
  /**
   * The trusted block was among them, and leads to the block of the snapshot.
   * @param writes those of `add` that are not in the database yet
   */
  finish(writes: readonly Write[]): void;
}

/**
 * A change of members above the trusted block: `certificate` is of the last block that the set before it decided. The set
 * after it is read again when it is needed: before the way up was signed, a stranger may have named a thousand members in
 * each of a hundred thousand blocks.
 */
interface Change {
  readonly height: number;
  readonly hash: Hex;
  readonly certificate: Uint8Array;
}

function createHistory(db: Database, manifest: Manifest, block: Block, options: RestoreOptions): History {
  const { trust } = options;
  if (trust.height > manifest.number)
    throw new SnapshotError(
      'NOT_TRUSTED',
      `block ${manifest.number} is older than the trusted one, ${trust.height}`,
    );
  const depth = Math.max(options.params.consensus.evidenceMaxAgeBlocks + 1, SNAPSHOT_LIMITS.minHistory);
  const lowest = Math.max(0, manifest.number - depth);
  const changes: Change[] = [];
  let expected = block.hash;
  let height = manifest.number;
  let above: readonly ValidatorRecord[] | undefined;
  let trusted: readonly ValidatorRecord[] | undefined;
  let pending: Change | undefined;

  return {
    add([headerItem, setItem, certificateItem], writes) {
      const bytes = rlpBytes(headerItem).slice();
      const setBytes = rlpBytes(setItem).slice();
      const hash = keccakHex(bytes);
      if (height < lowest || hash !== expected)
        throw new SnapshotError('WRONG_CHUNK', `header ${height} is not the parent of the one above it`);
      if (setBytes.length > SNAPSHOT_LIMITS.maxSetBytes)
        throw new SnapshotError('MALFORMED', `a set of ${setBytes.length} bytes`);
      const header: BlockHeader = decodeHeader(
        decodeRlp(bytes, LIMITS.maxRlpDepth, SNAPSHOT_LIMITS.maxHeaderItems),
      );
      if (header.number !== height || keccakHex(setBytes) !== header.extraData)
        throw new SnapshotError(
          'WRONG_CHUNK',
          `the validators after block ${height} are not those of its header`,
        );
      if (height === manifest.number - 1 && !equalBytes(setBytes, manifest.voters))
        throw new SnapshotError(
          'WRONG_CHUNK',
          'the manifest names other voters than the header before its block',
        );
      if (height === manifest.number - 1 && block.header.prevRandao !== randaoAfter(header, block.reveal))
        throw new SnapshotError(
          'WRONG_CHUNK',
          'the block in the manifest has another reveal than its header',
        );
      const set = decodeRecords(setBytes);
      if (trusted === undefined) {
        // The set above differs from this one: block `pending` below it, the last of the old set, must be signed by it.
        // The last block's own change does not matter here: it is signed by the set before it like the others.
        const isBelow = pending !== undefined && pending.height < manifest.number;
        if (above !== undefined && pending !== undefined && isBelow && !sameMembers(set, above))
          changes.push(pending);
        above = set;
        const certificate = rlpBytes(certificateItem);
        if (certificate.length > SNAPSHOT_LIMITS.maxCertificateBytes)
          throw new SnapshotError('MALFORMED', `a certificate of ${certificate.length} bytes`);
        pending = { height, hash, certificate: certificate.slice() };
        if (height === trust.height) {
          if (hash !== trust.hash)
            throw new SnapshotError(
              'NOT_TRUSTED',
              `block ${height} is ${hash} there, the trusted one ${trust.hash}`,
            );
          trusted = set;
        }
      }
      writes.push(
        { key: numberKey(COLUMN.header, height), value: bytes },
        { key: hashKey(COLUMN.blockHash, hash), value: u48(height) },
        { key: numberKey(COLUMN.validators, height + 1), value: setBytes },
      );
      expected = header.parentHash;
      height -= 1;
    },
    finish(writes) {
      if (trusted === undefined)
        throw new SnapshotError(
          'NOT_TRUSTED',
          `the headers do not reach down to the trusted block ${trust.height}`,
        );
      if (height >= lowest) throw new SnapshotError('INCOMPLETE', `headers below ${height + 1} are missing`);
      const unwritten = new Map(writes.map((write) => [bareHex(write.key), write.value]));
      const membersAfter = (at: number): readonly ValidatorRecord[] => {
        const name = numberKey(COLUMN.validators, at + 1);
        return decodeRecords((unwritten.get(bareHex(name)) ?? db.get(name))!);
      };
      climb(trusted, changes.reverse(), membersAfter, manifest, block.hash, options);
    },
  };
}

/** From the members after the trusted block up to the block, over each change of members. */
function climb(
  trusted: readonly ValidatorRecord[],
  changes: readonly Change[],
  membersAfter: (height: number) => readonly ValidatorRecord[],
  manifest: Manifest,
  blockHash: Hex,
  { genesisHash, bls, trust }: RestoreOptions,
): void {
  let members = trusted;
  const signed = (height: number, hash: Hex, bytes: Uint8Array): void => {
    const certificate = decodeCertificate(bytes);
    const problem =
      certificate.height !== height || certificate.blockHash !== hash
        ? 'it is of another block'
        : verifyCertificate(toValidatorSet(members), genesisHash, certificate, (message, keys, signature) =>
            bls.fastAggregateVerify(message, keys, signature),
          );
    if (problem !== undefined)
      throw new SnapshotError(
        'NOT_TRUSTED',
        `the certificate of block ${height} does not verify (${problem})`,
      );
  };
  for (const change of changes) {
    signed(change.height, change.hash, change.certificate);
    members = membersAfter(change.height);
  }
  if (manifest.number > trust.height) {
    signed(manifest.number, blockHash, manifest.certificate);
    return;
  }
  // The block is the trusted one itself: its certificate still has to be one, since it goes into the next block.
  members = decodeRecords(manifest.voters);
  signed(manifest.number, blockHash, manifest.certificate);
}

// --- tries ---------------------------------------------------------------------------------------------------------

interface Tries {
  expectAccounts(root: Uint8Array): void;
  addNode(owner: Uint8Array, path: Nibbles, encoded: Uint8Array, writes: Write[]): void;
  addAccounts(path: Nibbles, items: readonly RlpItem[], writes: Write[]): void;
  addSlots(owner: Uint8Array, path: Nibbles, items: readonly RlpItem[], writes: Write[]): void;
  /** Nothing is awaited any more. */
  finish(): void;
}

/** @param number block of the snapshot */
function createTries(number: number, recordAccounts: ReadonlySet<Hex>): Tries {
  /** Reference of each subtree that has not come, by owner (empty: accounts) and path. */
  const expected = new Map<string, Uint8Array>();
  const codes = new Set<string>();
  const missingCodes = new Set<string>();
  const nameOf = (owner: Uint8Array, path: Nibbles): string => `${bareHex(owner)}/${bareHex(path)}`;
  const value = (bytes: Uint8Array): Uint8Array => concat(u32(0), u48(number), bytes);

  /** What is expected at a place, which comes once. */
  const take = (owner: Uint8Array, path: Nibbles): Uint8Array => {
    const name = nameOf(owner, path);
    const reference = expected.get(name);
    if (reference === undefined) throw new SnapshotError('WRONG_CHUNK', `nothing is expected at ${name}`);
    expected.delete(name);
    return reference;
  };
  const refuse = (owner: Uint8Array, path: Nibbles): never => {
    throw new SnapshotError(
      'WRONG_CHUNK',
      `what came for ${nameOf(owner, path)} does not have the hash that is expected`,
    );
  };
  const putNode = (owner: Uint8Array, path: Nibbles, encoded: Uint8Array, writes: Write[]): void => {
    const isAccounts = owner.length === 0;
    const column = isAccounts ? COLUMN.accountNode : COLUMN.slotNode;
    writes.push({ key: key(column, isAccounts ? path : concat(owner, path)), value: value(encoded) });
  };

  /** Builds the subtree of leaves at `path`, compares it and stores its nodes. */
  const addLeaves = (owner: Uint8Array, path: Nibbles, leaves: TrieChange[], writes: Write[]): void => {
    const reference = take(owner, path);
    for (const { key: hashed } of leaves)
      if (!equalBytes(hashed.subarray(0, path.length), path)) refuse(owner, path);
    const distinct = new Set(leaves.map(({ key: hashed }) => bareHex(hashed)));
    if (distinct.size !== leaves.length) refuse(owner, path);
    const below = leaves.map((leaf) => ({ key: leaf.key.slice(path.length), value: leaf.value }));
    const root = updateTrie(null, below, () => undefined);
    if (root === null) return void refuse(owner, path);
    // The root of a whole trie is hashed whatever its size.
    const found = path.length === 0 ? keccak256(encodeNode(root as ReadNode)) : referenceOf(root);
    if (!equalBytes(found, reference)) refuse(owner, path);
    const store = (node: TrieNode, at: Nibbles): void => {
      const read = node as ReadNode;
      if (at.length === 0 || isStored(read)) putNode(owner, at, encodeNode(read), writes);
      if (read.kind === 'extension') store(read.child, concat(at, read.path));
      if (read.kind === 'branch')
        for (const [i, child] of read.children.entries())
          if (child !== null) store(child, concat(at, Uint8Array.of(i)));
    };
    store(root, path);
  };

  return {
    expectAccounts: (root) => void expected.set(nameOf(EMPTY_BYTES, EMPTY_BYTES), root),
    addNode(owner, path, encoded, writes) {
      if (!equalBytes(keccak256(encoded), take(owner, path))) refuse(owner, path);
      const node = decodeNode(encoded);
      // Its value would be in the trie and not among the flat ones, which execution reads.
      if (node.kind === 'leaf')
        throw new SnapshotError('WRONG_CHUNK', `a leaf at ${nameOf(owner, path)} came as an inner node`);
      putNode(owner, path, encoded.slice(), writes);
      if (node.kind === 'extension')
        expected.set(nameOf(owner, concat(path, node.path)), referenceOf(node.child));
      if (node.kind === 'branch')
        for (const [i, child] of node.children.entries())
          if (child !== null) expected.set(nameOf(owner, concat(path, Uint8Array.of(i))), referenceOf(child));
    },
    addAccounts(path, items, writes) {
      const leaves = items.map((item): TrieChange => {
        const fields = rlpList(item, 3);
        const address = rlpBytes(fields[0], 20).slice();
        const bytes = rlpBytes(fields[1]).slice();
        const code = rlpBytes(fields[2]);
        const { storageRoot, codeHash } = decodeAccount(bytes);
        const hashed = keccak256(address);
        const codeName = bareHex(codeHash);
        if (code.length > 0) {
          if (!equalBytes(keccak256(code), codeHash))
            throw new SnapshotError('WRONG_CHUNK', `the code of 0x${bareHex(address)} is another one's`);
          codes.add(codeName);
          missingCodes.delete(codeName);
          writes.push({ key: key(COLUMN.code, codeHash), value: code.slice() });
        } else if (!equalBytes(codeHash, KECCAK_EMPTY) && !codes.has(codeName)) missingCodes.add(codeName);
        if (!equalBytes(storageRoot, EMPTY_TRIE_ROOT))
          expected.set(nameOf(address, EMPTY_BYTES), storageRoot);
        writes.push(
          { key: key(COLUMN.account, address), value: value(bytes) },
          { key: key(COLUMN.preimage, hashed), value: address },
        );
        return { key: toNibbles(hashed), value: bytes };
      });
      addLeaves(EMPTY_BYTES, path, leaves, writes);
    },
    addSlots(owner, path, items, writes) {
      const address = owner.slice();
      const isRecords = recordAccounts.has(toHex(address));
      const leaves = items.map((item): TrieChange => {
        const fields = rlpList(item, 3);
        const slot = rlpBytes(fields[0], 32).slice();
        const bytes = rlpBytes(fields[1]).slice();
        if (isRecords) {
          const body = rlpBytes(fields[2]).slice();
          const hash = padLeft(bytes, 32);
          if (!equalBytes(keccak256(body), hash))
            throw new SnapshotError('WRONG_CHUNK', `a record of 0x${bareHex(address)} came without its body`);
          writes.push({ key: key(COLUMN.body, hash), value: body });
        }
        writes.push({ key: key(COLUMN.slot, address, slot), value: value(bytes) });
        return { key: toNibbles(keccak256(slot)), value: encodeRlp(bytes) };
      });
      addLeaves(address, path, leaves, writes);
    },
    finish() {
      const [first] = expected.keys();
      if (first !== undefined)
        throw new SnapshotError(
          'INCOMPLETE',
          `${expected.size} parts of the state are missing, one of them ${first}`,
        );
      const [code] = missingCodes;
      if (code !== undefined) throw new SnapshotError('INCOMPLETE', `the code ${code} is missing`);
    },
  };
}
