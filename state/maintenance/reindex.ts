/**
 * Builds the indexes of a stopped chain from its receipts, downwards from the head: the mark that says where postings
 * begin moves with each batch, so that a run can be interrupted, continued, or followed by a start of the node.
 */
import { decodeStoredReceipts } from '../block/receipts.ts';
import { concat, fromHex } from '../crypto.ts';
import type { DatabaseFiles, Write } from '../db/database.ts';
import { decodeHead } from '../db/head-record.ts';
import { COLUMN, hashKey, key, metaKey, numberKey, u32, u48 } from '../db/keys.ts';
import { postingsOf } from '../indexes/postings.ts';
import { emptyIndexes, firstIndexable, oldestPosting, prepareIndexes } from '../indexes/store.ts';
import { RlpError } from '../rlp.ts';
import { ChainError } from '../types.ts';
import { readHeader } from './check-head.ts';
import { LIMITS } from './limits.ts';

export interface ReindexOptions {
  /** Throws away what is there, also what an interrupted run has built. */
  readonly anew?: boolean;
  /** After each batch: the blocks from `oldest` on are done; it ends at `last`. */
  readonly onProgress?: (oldest: number, last: number) => void;
  /** Asked after each batch; what is done stays. */
  readonly stop?: () => boolean;
  /** Entries of a batch; default `LIMITS.reindexBatch`. */
  readonly batch?: number;
}

export interface Reindexed {
  readonly head: number;
  /** First block with postings now. */
  readonly oldest: number;
  /** First block that can have them: bodies, receipts and hashes of transactions are kept from there on. */
  readonly last: number;
  readonly blocks: number;
  readonly entries: number;
}

/**
 * Continues where postings are missing; where none are, builds all anew.
 * @throws ChainError NOT_INITIALISED, DATABASE_DAMAGED
 */
export async function reindex(db: DatabaseFiles, options: ReindexOptions = {}): Promise<Reindexed> {
  const bytes = db.get(metaKey('head'));
  if (bytes === undefined) throw new ChainError('NOT_INITIALISED', `no chain in ${db.dir}`);
  const head = decodeHead(bytes).number;
  const last = firstIndexable(db);
  await prepareIndexes(db);
  if (options.anew === true || oldestPosting(db) <= last) await emptyIndexes(db);
  let oldest = oldestPosting(db);
  let blocks = 0;
  let entries = 0;
  while (oldest > last && options.stop?.() !== true) {
    const writes: Write[] = [];
    while (oldest > last && writes.length < (options.batch ?? LIMITS.reindexBatch)) {
      oldest -= 1;
      blocks += 1;
      addBlock(db, oldest, writes);
    }
    entries += writes.length;
    writes.push({ key: metaKey('oldestPosting'), value: u48(oldest) });
    await db.write(writes);
    options.onProgress?.(oldest, last);
  }
  return { head, oldest, last, blocks, entries };
}

/** Postings, and the numbers of the block and its transactions by their hashes. */
function addBlock(db: DatabaseFiles, number: number, writes: Write[]): void {
  const read = readHeader(db, number);
  if (typeof read === 'string') throw damaged(read);
  const bytes = db.get(numberKey(COLUMN.receipts, number));
  if (bytes === undefined) throw damaged(`the receipts of block ${number} are missing`);
  const receipts = readReceipts(bytes, number);
  for (const entry of postingsOf(number, receipts)) writes.push(entry);
  writes.push({ key: hashKey(COLUMN.blockHash, read.hash), value: u48(number) });
  for (const [index, { transactionHash }] of receipts.entries())
    writes.push({
      key: key(COLUMN.transaction, fromHex(transactionHash, 32)),
      value: concat(u48(number), u32(index)),
    });
}

function readReceipts(bytes: Uint8Array, number: number) {
  try {
    return decodeStoredReceipts(bytes);
  } catch (error) {
    if (!(error instanceof RlpError)) throw error;
    throw damaged(`the receipts of block ${number} cannot be read: ${error.message}`);
  }
}

function damaged(what: string): ChainError {
  return new ChainError('DATABASE_DAMAGED', `${what}: try 'openledger db verify'`);
}
