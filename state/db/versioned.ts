/**
 * Values with a past. The current record of a key is
 *
 *   changes u32 | block of the last change u48 | value (empty: absent)
 *
 * and each change n writes a history record (column, key, n) -> block u48 | value before. A read at block b takes
 * the current record first; if it is younger than b, the first change after b holds the value at b and is found by
 * bisection. Since the current record is read first, a commit in between only adds changes beyond the ones
 * searched, so that readers in other threads need no lock.
 */
import { concat, EMPTY_BYTES } from '../crypto.ts';
import { Fault, StateNotAvailable } from '../types.ts';
import type { Database, Write } from './database.ts';
import { COLUMN, key, metaKey, numberKey, readU32, readU48, u32, u48, type VersionedColumn } from './keys.ts';

/** Before the value in a current record. */
export const CURRENT_HEAD_BYTES = 10;

export function historyKey(column: VersionedColumn, name: Uint8Array, change: number): Uint8Array {
  return key(COLUMN.history, Uint8Array.of(column), name, u32(change));
}

/** Value at the head, or undefined. */
export function readCurrent(db: Database, column: VersionedColumn, name: Uint8Array): Uint8Array | undefined {
  const record = db.get(key(column, name));
  return record === undefined || record.length === CURRENT_HEAD_BYTES
    ? undefined
    : record.subarray(CURRENT_HEAD_BYTES);
}

/** First block whose state can still be read. */
export function readOldest(db: Database): number {
  const bytes = db.get(metaKey('oldest'));
  return bytes === undefined ? 0 : readU48(bytes, 0);
}

/** Value after block `block`. @throws StateNotAvailable if pruning has passed that block. */
export function readAt(
  db: Database,
  column: VersionedColumn,
  name: Uint8Array,
  block: number,
): Uint8Array | undefined {
  const record = db.get(key(column, name));
  if (record === undefined) {
    assertRetained(db, block);
    return undefined;
  }
  if (readU48(record, 4) <= block)
    return record.length === CURRENT_HEAD_BYTES ? undefined : record.subarray(CURRENT_HEAD_BYTES);
  let low = 1;
  let high = readU32(record, 0);
  let found: Uint8Array | undefined;
  // Invariant: changes below `low` happened at or before `block`, those above `high` after it.
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const entry = db.get(historyKey(column, name, middle));
    if (entry === undefined) {
      // Pruned changes are older than every readable state.
      assertRetained(db, block);
      low = middle + 1;
    } else if (readU48(entry, 0) <= block) {
      low = middle + 1;
    } else {
      found = entry;
      high = middle - 1;
    }
  }
  if (found === undefined) {
    assertRetained(db, block);
    throw new Fault('database: a change is missing from the history of a key');
  }
  return found.length === 6 ? undefined : found.subarray(6);
}

function assertRetained(db: Database, block: number): void {
  const oldest = readOldest(db);
  if (block < oldest)
    throw new StateNotAvailable(`the state after block ${block} is no longer kept; the oldest is ${oldest}`);
}

/** Collects the versioned changes of one block. */
export interface VersionedWriter {
  /** Sets the value of a key (undefined: absent). A key at most once. */
  set(column: VersionedColumn, name: Uint8Array, value: Uint8Array | undefined): void;
  /** The list that pruning will follow. */
  finish(): void;
}

export function versionedWriter(db: Database, block: number, writes: Write[]): VersionedWriter {
  const changed: Uint8Array[] = [];
  const since = u48(block);
  return {
    set(column, name, value) {
      const currentKey = key(column, name);
      const record = db.get(currentKey);
      const before = record === undefined ? undefined : record.subarray(CURRENT_HEAD_BYTES);
      const change = (record === undefined ? 0 : readU32(record, 0)) + 1;
      // What block 0 sets has no past.
      if (block > 0) {
        const past = historyKey(column, name, change);
        writes.push({ key: past, value: before === undefined ? since : concat(since, before) });
        changed.push(Uint8Array.of((past.length - 1) >>> 8, (past.length - 1) & 255), past.subarray(1));
      }
      const current = concat(u32(block > 0 ? change : 0), since, value ?? EMPTY_BYTES);
      writes.push({ key: currentKey, value: current });
    },
    finish() {
      if (changed.length > 0)
        writes.push({ key: numberKey(COLUMN.changes, block), value: concat(...changed) });
    },
  };
}

/** The changes of one block, as pruning and going back read them. Empty where nothing changed or all is forgotten. */
function* changesOf(
  db: Database,
  block: number,
): Generator<{ past: Uint8Array; column: VersionedColumn; name: Uint8Array; change: number }> {
  const list = db.get(numberKey(COLUMN.changes, block)) ?? new Uint8Array(0);
  for (let at = 0; at < list.length; ) {
    const length = (list[at]! << 8) | list[at + 1]!;
    const past = list.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    yield {
      past,
      column: past[0] as VersionedColumn,
      name: past.subarray(1, length - 4),
      change: readU32(past, length - 4),
    };
  }
}

/**
 * Gives every key that `block` changed the value that it had before. Only for the newest block: a later change would
 * be lost. @throws Fault if the history lacks one of them
 */
export function undoBlock(db: Database, block: number, writes: Write[]): void {
  writes.push({ key: numberKey(COLUMN.changes, block) });
  for (const { past, column, name, change } of changesOf(db, block)) {
    const record = db.get(key(column, name));
    const before = db.get(key(COLUMN.history, past));
    if (record === undefined || before === undefined || readU32(record, 0) !== change)
      throw new Fault(`database: the history of block ${block} does not fit the state`);
    writes.push({ key: key(COLUMN.history, past) });
    // The change before tells when it happened; where it is forgotten, the oldest state is as good.
    const earlier = change > 1 ? db.get(historyKey(column, name, change - 1)) : undefined;
    const sinceBlock = earlier === undefined ? readOldest(db) : readU48(earlier, 0);
    const isAbsent = before.length === 6;
    if (isAbsent && earlier === undefined) writes.push({ key: key(column, name) });
    else
      writes.push({
        key: key(column, name),
        value: concat(u32(change - 1), u48(sinceBlock), before.subarray(6)),
      });
  }
}

/**
 * Forgets the states before `block`: deletes the history records that block wrote. A key that was deleted by that
 * block and not touched since loses its record too. `onDropped` is told every value that leaves the history.
 */
export function pruneBlock(
  db: Database,
  block: number,
  writes: Write[],
  onDropped: (
    column: VersionedColumn,
    name: Uint8Array,
    value: Uint8Array,
    change: number,
    changes: number,
  ) => void,
): void {
  writes.push({ key: numberKey(COLUMN.changes, block) });
  for (const { past, column, name, change } of changesOf(db, block)) {
    const historyRecordKey = key(COLUMN.history, past);
    writes.push({ key: historyRecordKey });
    const currentKey = key(column, name);
    const record = db.get(currentKey);
    if (record !== undefined && record.length === CURRENT_HEAD_BYTES && readU48(record, 4) === block)
      writes.push({ key: currentKey });
    if (column === COLUMN.slot && record !== undefined) {
      const before = db.get(historyRecordKey);
      if (before !== undefined && before.length > 6)
        onDropped(column, name, before.subarray(6), change, readU32(record, 0));
    }
  }
}
