/**
 * Where the indexes begin, and how that changes. The mark `oldestPosting` names the first block whose postings are
 * here: pruning moves it up, rebuilding moves it down, each in the batch that writes or deletes the postings.
 */
import { decodeStoredReceipts } from '../block/receipts.ts';
import { equalBytes } from '../crypto.ts';
import type { Database, DatabaseFiles, Write } from '../db/database.ts';
import { decodeHead } from '../db/head-record.ts';
import { COLUMN, metaKey, numberKey, u48 } from '../db/keys.ts';
import { readMark } from '../db/marks.ts';
import { type Entry, INDEX_FORMAT, postingsOf } from './postings.ts';

/** First block whose postings are here; one behind the head if none are. */
export function oldestPosting(db: Database): number {
  return isOurFormat(db) ? readMark(db, 'oldestPosting') : headNumber(db) + 1;
}

function isOurFormat(db: Database): boolean {
  const format = db.get(metaKey('indexFormat'));
  return format !== undefined && equalBytes(format, Uint8Array.of(INDEX_FORMAT));
}

function headNumber(db: Database): number {
  const bytes = db.get(metaKey('head'));
  return bytes === undefined ? -1 : decodeHead(bytes).number;
}

/** First block that can be indexed: an answer needs its body, its receipts, and its transactions by their hashes. */
export function firstIndexable(db: Pick<Database, 'get'>): number {
  return Math.max(readMark(db, 'oldestBlock'), readMark(db, 'oldestReceipts'), readMark(db, 'oldestIndex'));
}

/** In the first batch of a new chain. */
export const NEW_INDEXES: Write = { key: metaKey('indexFormat'), value: Uint8Array.of(INDEX_FORMAT) };

/** Postings of a block from its stored receipts; none where they are not kept. */
export function storedPostings(db: Database, number: number): Entry[] {
  const bytes = db.get(numberKey(COLUMN.receipts, number));
  return bytes === undefined ? [] : postingsOf(number, decodeStoredReceipts(bytes));
}

/**
 * Makes the indexes of a chain that was written without them, or in another form, empty ones that begin behind the
 * head: from there on they grow with the chain, and `openledger reindex` adds what is before.
 */
export async function prepareIndexes(db: DatabaseFiles): Promise<void> {
  if (!isOurFormat(db)) await emptyIndexes(db);
}

/** Safe to be interrupted: without its format nothing in the column counts. */
export async function emptyIndexes(db: DatabaseFiles): Promise<void> {
  await db.write([{ key: metaKey('indexFormat') }]);
  await db.clear(Uint8Array.of(COLUMN.posting), Uint8Array.of(COLUMN.posting + 1));
  await db.write([NEW_INDEXES, { key: metaKey('oldestPosting'), value: u48(headNumber(db) + 1) }]);
}
