/**
 * Going back: the last block is undone with the values that its history kept, so that the database is what it was
 * before. Each block is one atomic batch, head included; a crash in between leaves a shorter chain, not half a one.
 */
import { decodeBlock } from '../block/codec.ts';
import { decodeRecords } from '../block/validators.ts';
import { keccak256, keccakHex } from '../crypto.ts';
import type { DatabaseFiles, Write } from '../db/database.ts';
import { decodeHead, encodeHead } from '../db/head-record.ts';
import { COLUMN, hashKey, key, metaKey, numberKey, u48 } from '../db/keys.ts';
import { readMark } from '../db/marks.ts';
import { readOldest, undoBlock } from '../db/versioned.ts';
import { blockOfKey } from '../indexes/postings.ts';
import { oldestPosting, storedPostings } from '../indexes/store.ts';
import { ChainError, type Head } from '../types.ts';
import { problemOfReceipts } from './check-head.ts';

/**
 * Undoes blocks until `number` is the head. What only indexes content (codes, bodies, names of hashed addresses)
 * stays: it is not part of any root, and the next sync writes it again.
 * @throws ChainError TOO_FAR_BACK, UNKNOWN_BLOCK, DATABASE_DAMAGED
 */
export async function rollbackTo(db: DatabaseFiles, number: number): Promise<Head> {
  let head = readHead(db);
  if (head.number === 0)
    throw new ChainError('UNKNOWN_BLOCK', 'the head is block 0: there is nothing to undo');
  if (!Number.isSafeInteger(number) || number < 0 || number >= head.number)
    throw new ChainError(
      'UNKNOWN_BLOCK',
      `the head is ${head.number}: going back ends at a block before it, not at ${number}`,
    );
  const oldest = Math.max(readOldest(db), readMark(db, 'oldestBlock'));
  if (number < oldest)
    throw new ChainError(
      'TOO_FAR_BACK',
      `the state after block ${number} is no longer kept; the oldest is ${oldest}. 'openledger reset --yes' begins anew`,
    );
  while (head.number > number) head = await undoHead(db, head);
  return head;
}

function readHead(db: DatabaseFiles): Head {
  const bytes = db.get(metaKey('head'));
  if (bytes === undefined) throw new ChainError('NOT_INITIALISED', `no chain in ${db.dir}`);
  return decodeHead(bytes);
}

async function undoHead(db: DatabaseFiles, head: Head): Promise<Head> {
  const { number } = head;
  const writes: Write[] = [];
  undoBlock(db, number, writes);
  const body = db.get(numberKey(COLUMN.block, number));
  for (const raw of body === undefined ? [] : decodeBlock(body).transactions)
    writes.push({ key: key(COLUMN.transaction, keccak256(raw)) });
  if (number < oldestPosting(db)) writes.push({ key: metaKey('oldestPosting'), value: u48(number) });
  else for (const key of await postingKeys(db, number)) writes.push({ key });
  const previous = headBefore(db, number);
  for (const column of [COLUMN.header, COLUMN.block, COLUMN.receipts, COLUMN.certificate])
    writes.push({ key: numberKey(column, number) });
  writes.push(
    { key: hashKey(COLUMN.blockHash, head.hash) },
    { key: numberKey(COLUMN.validators, number + 1) },
    { key: metaKey('head'), value: encodeHead(previous) },
  );
  await db.write(writes);
  return previous;
}

/** Of the head. Where its receipts are damaged, which may be why it is undone, all postings are looked through. */
async function postingKeys(db: DatabaseFiles, number: number): Promise<Uint8Array[]> {
  if (problemOfReceipts(db, number) === undefined) return storedPostings(db, number).map(({ key }) => key);
  const keys: Uint8Array[] = [];
  for await (const [key] of db.scan(Uint8Array.of(COLUMN.posting), Uint8Array.of(COLUMN.posting + 1)))
    if (blockOfKey(key) === number) keys.push(key);
  return keys;
}

/** The head record as it was before block `number`. */
function headBefore(db: DatabaseFiles, number: number): Head {
  const header = db.get(numberKey(COLUMN.header, number - 1));
  const body = db.get(numberKey(COLUMN.block, number - 1));
  const next = db.get(numberKey(COLUMN.validators, number));
  const afterNext = db.get(numberKey(COLUMN.validators, number + 1));
  if (header === undefined || body === undefined || next === undefined || afterNext === undefined)
    throw new ChainError('DATABASE_DAMAGED', `the database has lost a part of block ${number - 1}`);
  const block = decodeBlock(body);
  if (keccakHex(header) !== block.hash)
    throw new ChainError('DATABASE_DAMAGED', `header and body of block ${number - 1} differ`);
  return {
    number: number - 1,
    hash: block.hash,
    stateRoot: block.header.stateRoot,
    timestamp: block.header.timestamp,
    timestampMs: block.timestampMs,
    nextValidators: decodeRecords(next),
    afterNextValidators: decodeRecords(afterNext),
  };
}
