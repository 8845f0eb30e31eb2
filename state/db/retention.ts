/**
 * What a node may forget: states, bodies, receipts and the index of transactions, each beyond its own number of
 * blocks. Headers, validator sets and certificates stay: evidence is judged by them, and light clients ask for them.
 */
import { decodeBlock } from '../block/codec.ts';
import { keccak256, padLeft, toHex } from '../crypto.ts';
import { storedPostings } from '../indexes/store.ts';
import type { Hex } from '../types.ts';
import type { Database, DatabaseFiles, Write } from './database.ts';
import { COLUMN, type Column, key, metaKey, numberKey, u48 } from './keys.ts';
import { type Mark, readMark } from './marks.ts';
import { historyKey, pruneBlock, readCurrent, readOldest } from './versioned.ts';

/** Blocks before the head; 0: all. */
export interface Retention {
  readonly states: number;
  /** Bodies. The index of transactions never outlives them. */
  readonly blocks: number;
  readonly receipts: number;
  /** Hashes of transactions, and the postings, which never outlive the receipts either. */
  readonly index: number;
}

export const KEEP_RECORDS: Omit<Retention, 'states'> = { blocks: 0, receipts: 0, index: 0 };

/** Where `mark` may move to with a head at `number`, at most `most` blocks at a time; undefined: nowhere. */
function nextMark(
  db: Database,
  mark: Mark,
  number: number,
  retention: number,
  most: number,
): { before: number; oldest: number } | undefined {
  if (retention === 0) return undefined;
  const before = readMark(db, mark);
  const oldest = Math.min(number - retention, before + most);
  return oldest <= before ? undefined : { before, oldest };
}

/**
 * Forgets bodies, receipts and index entries that a head at `number` leaves behind the retention.
 * @param most blocks of each kind; returns whether any were forgotten
 */
export function pruneRecords(
  db: Database,
  number: number,
  retention: Retention,
  most: number,
  writes: Write[],
): boolean {
  const index = shorter(retention.index, retention.blocks);
  const ofIndex = nextMark(db, 'oldestIndex', number, index, most);
  if (ofIndex !== undefined) {
    for (let block = ofIndex.before; block < ofIndex.oldest; block++)
      for (const raw of transactionsOf(db, block))
        writes.push({ key: key(COLUMN.transaction, keccak256(raw)) });
    writes.push({ key: metaKey('oldestIndex'), value: u48(ofIndex.oldest) });
  }
  const kept = shorter(index, retention.receipts);
  const ofPostings = nextMark(db, 'oldestPosting', number, kept, most);
  if (ofPostings !== undefined) {
    // From the receipts, which go in the same batch at the earliest.
    for (let block = ofPostings.before; block < ofPostings.oldest; block++)
      for (const { key } of storedPostings(db, block)) writes.push({ key });
    writes.push({ key: metaKey('oldestPosting'), value: u48(ofPostings.oldest) });
  }
  const kinds = [
    ['oldestReceipts', COLUMN.receipts, shorter(retention.receipts, retention.blocks)],
    ['oldestBlock', COLUMN.block, retention.blocks],
  ] as const;
  let any = ofIndex !== undefined || ofPostings !== undefined;
  for (const [mark, column, kept] of kinds) {
    const next = nextMark(db, mark, number, kept, most);
    if (next === undefined) continue;
    any = true;
    for (let block = next.before; block < next.oldest; block++)
      writes.push({ key: numberKey(column, block) });
    writes.push({ key: metaKey(mark), value: u48(next.oldest) });
  }
  return any;
}

function transactionsOf(db: Database, block: number): readonly Uint8Array[] {
  const bytes = db.get(numberKey(COLUMN.block, block));
  return bytes === undefined ? [] : decodeBlock(bytes).transactions;
}

function shorter(a: number, b: number): number {
  if (a === 0 || b === 0) return Math.max(a, b);
  return Math.min(a, b);
}

/** What the block being committed sets a slot to; undefined if it does not touch it. */
export type SlotNow = (address: Hex, slot: string) => Uint8Array | undefined;

/**
 * Forgets states beyond the retention, and bodies that no readable state names (E4).
 * @param most blocks; returns whether any were forgotten
 */
export function pruneStates(
  db: Database,
  number: number,
  retention: number,
  most: number,
  recordAccounts: ReadonlySet<Hex>,
  slotNow: SlotNow,
  writes: Write[],
): boolean {
  if (retention === 0) return false;
  const before = readOldest(db);
  const oldest = Math.min(number - retention, before + most);
  if (oldest <= before) return false;
  writes.push({ key: metaKey('oldest'), value: u48(oldest) });
  for (let block = before + 1; block <= oldest; block++)
    pruneBlock(db, block, writes, (column, name, value, change, changes) => {
      const address = toHex(name.subarray(0, 20));
      if (!recordAccounts.has(address)) return;
      const bytes = padLeft(value, 32);
      const body = toHex(bytes);
      const isBody = (other: Uint8Array | undefined): boolean =>
        other !== undefined && other.length > 0 && toHex(padLeft(other, 32)) === body;
      if (isBody(slotNow(address, toHex(name.subarray(20)).slice(2)))) return;
      if (isBody(readCurrent(db, column, name))) return;
      for (let later = change + 1; later <= changes; later++)
        if (isBody(db.get(historyKey(column, name, later))?.subarray(6))) return;
      writes.push({ key: key(COLUMN.body, bytes) });
    });
  return true;
}

/** Blocks in one batch of `pruneAll`: a few megabytes of keys. */
const BLOCKS_PER_BATCH = 256;

/** Applies the retention to a stopped chain at once, and gives the space back. */
export async function pruneAll(
  db: DatabaseFiles,
  head: number,
  retention: Retention,
  recordAccounts: ReadonlySet<Hex>,
): Promise<void> {
  for (;;) {
    const writes: Write[] = [];
    const most = BLOCKS_PER_BATCH;
    const states = pruneStates(db, head, retention.states, most, recordAccounts, () => undefined, writes);
    const records = pruneRecords(db, head, retention, most, writes);
    if (!states && !records) break;
    await db.write(writes);
  }
  await compactAll(db);
}

/**
 * One range a column, in the order of the keys.
 * @throws Fault DISK_FULL: LevelDB itself says nothing of a rewrite that found no room, but takes no write after it
 */
export async function compactAll(db: DatabaseFiles): Promise<void> {
  for (const column of Object.values(COLUMN).sort((a, b) => a - b))
    await db.compact(Uint8Array.of(column), Uint8Array.of(column + 1));
  const head = metaKey('head');
  await db.write([{ key: head, value: db.get(head)! }]);
}

/** Gives back what pruning freed while the node runs: only the ranges that are empty now, which costs little. */
export async function compactPruned(db: DatabaseFiles): Promise<void> {
  const empty: readonly (readonly [Column, Mark])[] = [
    [COLUMN.block, 'oldestBlock'],
    [COLUMN.receipts, 'oldestReceipts'],
    [COLUMN.changes, 'oldest'],
  ];
  for (const [column, mark] of empty)
    await db.compact(numberKey(column, 0), numberKey(column, readMark(db, mark)));
}
