/**
 * What is checked at every start: that the last block, its state root and its certificate are there and belong
 * together. It takes a few milliseconds whatever the size of the chain; `verifyDatabase` reads everything.
 */
import { verifyCertificate } from '../../consensus/certificate.ts';
import { decodeCertificate } from '../../consensus/codec.ts';
import { ConsensusError } from '../../consensus/errors.ts';
import { decodeBlock, decodeHeader, lastCommitHash, requestsHashOf } from '../block/codec.ts';
import { decodeStoredReceipts, encodeReceipt } from '../block/receipts.ts';
import { orderedRoot } from '../block/roots.ts';
import { decodeRecords, setHash, toValidatorSet } from '../block/validators.ts';
import { concat, EMPTY_TRIE_ROOT_HEX, fromHex, keccakHex } from '../crypto.ts';
import type { Database } from '../db/database.ts';
import { COLUMN, hashKey, numberKey, readU48 } from '../db/keys.ts';
import { readMark } from '../db/marks.ts';
import { readCurrent } from '../db/versioned.ts';
import { decodeRlp, RlpError } from '../rlp.ts';
import { type BlockHeader, type BlsPort, ChainError, Fault, type Head, type Hex } from '../types.ts';
import { LIMITS } from './limits.ts';

/** @throws ChainError DATABASE_DAMAGED with what is wrong and what to do */
export function checkHead(
  db: Database,
  head: Head,
  genesisHash: Hex,
  bls: Pick<BlsPort, 'fastAggregateVerify'>,
): void {
  const problem = problemOfHead(db, head, genesisHash, bls);
  if (problem === undefined) return;
  throw new ChainError(
    'DATABASE_DAMAGED',
    `the database in ${db.dir} is damaged: ${problem}. 'openledger db verify' says how much of it; ` +
      "'openledger rollback' goes back to the block before, 'openledger reset --yes' begins anew from the peers",
  );
}

function problemOfHead(
  db: Database,
  head: Head,
  genesisHash: Hex,
  bls: Pick<BlsPort, 'fastAggregateVerify'>,
): string | undefined {
  return (
    problemOfHeader(db, head.number, head.hash) ??
    problemOfBody(db, head.number) ??
    problemOfReceipts(db, head.number) ??
    problemOfCertificate(db, head.number, genesisHash, bls) ??
    problemOfNextSet(db, head) ??
    problemOfStateRoot(db, head.stateRoot) ??
    problemOfLinks(db, head.number)
  );
}

/** Header of block `number`; a sentence if it cannot be read. */
export function readHeader(db: Database, number: number): { header: BlockHeader; hash: Hex } | string {
  const bytes = db.get(numberKey(COLUMN.header, number));
  if (bytes === undefined) return `the header of block ${number} is missing`;
  try {
    return { header: decodeHeader(decodeRlp(bytes)), hash: keccakHex(bytes) };
  } catch (error) {
    return unreadable(error, `the header of block ${number}`);
  }
}

function problemOfHeader(db: Database, number: number, hash: Hex): string | undefined {
  const read = readHeader(db, number);
  if (typeof read === 'string') return read;
  if (read.hash !== hash) return `block ${number} has the hash ${read.hash}, the head says ${hash}`;
  const index = db.get(hashKey(COLUMN.blockHash, hash));
  if (index === undefined || readU48(index, 0) !== number) return `block ${number} is not found by its hash`;
  return undefined;
}

/** What is wrong with the body of block `number`, which has a header; undefined also where it was forgotten. */
export function problemOfBody(db: Database, number: number): string | undefined {
  if (number < readMark(db, 'oldestBlock')) return undefined;
  const bytes = db.get(numberKey(COLUMN.block, number));
  if (bytes === undefined) return `the body of block ${number} is missing`;
  const read = readHeader(db, number);
  if (typeof read === 'string') return read;
  try {
    const block = decodeBlock(bytes);
    const parent = number === 0 ? undefined : readHeader(db, number - 1);
    const isWhole =
      block.hash === read.hash &&
      orderedRoot(block.transactions) === read.header.transactionsRoot &&
      requestsHashOf(block.originRound, block.timestampMs) === read.header.requestsHash &&
      (number === 0 || lastCommitHash(block.lastCommit) === read.header.parentBeaconBlockRoot) &&
      (typeof parent !== 'object' ||
        keccakHex(concat(fromHex(parent.header.prevRandao), block.reveal)) === read.header.prevRandao);
    return isWhole ? undefined : `the body of block ${number} is another one's`;
  } catch (error) {
    return unreadable(error, `the body of block ${number}`);
  }
}

/**
 * What is wrong with the receipts of block `number`; undefined also where they were forgotten. What follows from the
 * transactions again (sender, receiver, price) is kept for speed and not compared.
 */
export function problemOfReceipts(db: Database, number: number): string | undefined {
  if (number < readMark(db, 'oldestReceipts')) return undefined;
  const bytes = db.get(numberKey(COLUMN.receipts, number));
  if (bytes === undefined) return `the receipts of block ${number} are missing`;
  const read = readHeader(db, number);
  if (typeof read === 'string') return read;
  try {
    const receipts = decodeStoredReceipts(bytes);
    const body = db.get(numberKey(COLUMN.block, number));
    const transactions = body === undefined ? undefined : decodeBlock(body).transactions;
    const isWhole =
      orderedRoot(receipts.map(encodeReceipt)) === read.header.receiptsRoot &&
      (transactions === undefined ||
        receipts.every((receipt, i) => receipt.transactionHash === keccakHex(transactions[i]!)));
    return isWhole ? undefined : `the receipts of block ${number} are other ones`;
  } catch (error) {
    return unreadable(error, `the receipts of block ${number}`);
  }
}

/** What is wrong with the certificate of block `number`; block 0 has none. */
export function problemOfCertificate(
  db: Database,
  number: number,
  genesisHash: Hex,
  bls: Pick<BlsPort, 'fastAggregateVerify'>,
): string | undefined {
  if (number === 0) return undefined;
  const bytes = db.get(numberKey(COLUMN.certificate, number));
  const set = db.get(numberKey(COLUMN.validators, number));
  if (bytes === undefined) return `the certificate of block ${number} is missing`;
  if (set === undefined) return `the validators of block ${number} are missing`;
  const read = readHeader(db, number);
  if (typeof read === 'string') return read;
  try {
    const certificate = decodeCertificate(bytes);
    if (certificate.height !== number || certificate.blockHash !== read.hash)
      return `the certificate of block ${number} is another one's`;
    const voters = toValidatorSet(decodeRecords(set));
    const problem = verifyCertificate(voters, genesisHash, certificate, (message, keys, signature) =>
      bls.fastAggregateVerify(message, keys, signature),
    );
    return problem === undefined
      ? undefined
      : `the certificate of block ${number} does not verify (${problem})`;
  } catch (error) {
    return unreadable(error, `the certificate of block ${number}`);
  }
}

/** A6: the header commits to the set of the next block. */
function problemOfNextSet(db: Database, head: Head): string | undefined {
  const read = readHeader(db, head.number);
  if (typeof read === 'string') return read;
  return setHash(head.nextValidators) === read.header.extraData
    ? undefined
    : `the validators after block ${head.number} are not those of its header`;
}

function problemOfStateRoot(db: Database, stateRoot: Hex): string | undefined {
  if (stateRoot === EMPTY_TRIE_ROOT_HEX) return undefined;
  const node = readCurrent(db, COLUMN.accountNode, new Uint8Array(0));
  if (node === undefined) return 'the root of the state is missing';
  return keccakHex(node) === stateRoot ? undefined : 'the root of the state is not the one of the head';
}

function problemOfLinks(db: Database, newest: number): string | undefined {
  let child = readHeader(db, newest);
  for (let number = newest - 1; number >= Math.max(0, newest - LIMITS.checkedAtStart); number--) {
    const parent = readHeader(db, number);
    // A chain that began with a snapshot has no earlier headers.
    if (typeof parent === 'string' && db.get(numberKey(COLUMN.header, number)) === undefined) {
      if (number < readMark(db, 'oldestBlock')) return undefined;
    }
    if (typeof parent === 'string') return parent;
    if (typeof child === 'string') return child;
    if (child.header.parentHash !== parent.hash) return `block ${number + 1} does not follow block ${number}`;
    child = parent;
  }
  return undefined;
}

/** Only what bytes can be at fault for is a finding; a failing disk is the caller's. */
function unreadable(error: unknown, what: string): string {
  if (error instanceof Fault) throw error;
  const isKnown = error instanceof RlpError || error instanceof ConsensusError || error instanceof RangeError;
  if (!isKnown && (error as { code?: string }).code !== 'MALFORMED') throw error;
  return `${what} cannot be read: ${(error as Error).message}`;
}
