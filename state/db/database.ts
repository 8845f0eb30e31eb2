/** The LevelDB under everything: synchronous reads, one durable atomic batch at a time, one writing process. */
import { mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { Level } from 'level';
import { ChainError, Fault } from '../types.ts';

export type Write = { key: Uint8Array; value: Uint8Array } | { key: Uint8Array; value?: undefined };

export interface Database {
  readonly dir: string;
  /** Value of a key, or undefined. Throws `Fault` if the disk fails. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** The first (or last) `limit` entries with `from <= key < to`, in order (or backwards). */
  entries(
    from: Uint8Array,
    to: Uint8Array,
    options: { readonly limit: number; readonly reverse?: boolean },
  ): Promise<(readonly [key: Uint8Array, value: Uint8Array])[]>;
  /** All or nothing, and durable when it resolves. */
  write(writes: readonly Write[]): Promise<void>;
  close(): Promise<void>;
}

/** What whoever looks after the files needs besides. */
export interface DatabaseFiles extends Database {
  /** Entries with `from <= key < to` in order; all if neither is given. A consistent view of the moment of the call. */
  scan(from?: Uint8Array, to?: Uint8Array): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]>;
  /** Deletes the entries with `from <= key < to`; not all or nothing, and durable only with the next write. */
  clear(from: Uint8Array, to: Uint8Array): Promise<void>;
  /**
   * Rewrites the files that hold keys from `from` to `to`, so that what was deleted leaves the disk. LevelDB does so
   * by itself only where it happens to rewrite anyway.
   */
  compact(from: Uint8Array, to: Uint8Array): Promise<void>;
}

/** What LevelDB has on disk beyond what `level` promises on every platform. */
interface Compacting {
  compactRange(from: Uint8Array, to: Uint8Array, options: { keyEncoding: 'view' }): Promise<void>;
}

interface LevelError {
  code?: string;
  cause?: { code?: string; message?: string };
  message?: string;
}

/** Said to who starts a node and to who runs a command on a stopped one. */
const WRITABLE =
  'also to be read it must be writable: run this as the user of the node, set dataDir to another folder, or take a ' +
  "copy of the node's folder where the disk is read-only";

/** What helps against damage. */
export const WAY_OUT =
  "Check the disk, then 'openledger reset --yes' and start again: the chain comes from the peers, keys and records stay";

/** LevelDB takes a folder without the file CURRENT for a new one, and then deletes the tables that it finds there. */
function isNew(location: string): boolean {
  return !readdirSync(location).some((name) => name === 'CURRENT' || /\.(ldb|sst|log)$/.test(name));
}

/**
 * Opens the database in `dir`. LevelDB's lock lets only one process in; threads of that process share one handle
 * (classic-level's `multithreading`), so that readers beside the executor see every finished batch.
 * @throws ChainError DATA_DIR_IN_USE, NOT_INITIALISED (read-only and nothing there), DATABASE_DAMAGED
 */
export async function openDatabase(
  dir: string,
  options: { readOnly?: boolean } = {},
): Promise<DatabaseFiles> {
  const readOnly = options.readOnly === true;
  let location: string;
  try {
    if (!readOnly) mkdirSync(dir, { recursive: true });
    // Threads find each other's handle by the exact path.
    location = realpathSync(dir);
  } catch (error) {
    if (readOnly) throw new ChainError('NOT_INITIALISED', `no chain in ${dir}: start a node there first`);
    throw new ChainError('DATA_DIR_UNUSABLE', `cannot use ${dir}: ${(error as Error).message}; ${WRITABLE}`);
  }
  const level = new Level<Uint8Array, Uint8Array>(location, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    createIfMissing: !readOnly && isNew(location),
    multithreading: true,
    // Reads of the head are what execution waits for.
    cacheSize: 64 << 20,
    writeBufferSize: 16 << 20,
  });
  try {
    await level.open();
  } catch (error) {
    const { cause, message } = error as LevelError;
    if (cause?.code === 'LEVEL_LOCKED')
      throw new ChainError(
        'DATA_DIR_IN_USE',
        `another node is running on ${dir}, or a command works there: stop it first; a second node needs a home of its own (openledger init)`,
      );
    if (readOnly && /does not exist/.test(cause?.message ?? ''))
      throw new ChainError('NOT_INITIALISED', `no chain in ${dir}: start a node there first`);
    if (/permission denied|read-only file system/i.test(cause?.message ?? ''))
      throw new ChainError('DATA_DIR_UNUSABLE', `cannot use ${dir}: ${cause?.message}; ${WRITABLE}`);
    if (isDiskFull(error))
      throw new ChainError('DISK_FULL', `the disk that holds ${dir} is full: make room, then start again`);
    if (/does not exist/.test(cause?.message ?? ''))
      throw new ChainError(
        'DATABASE_DAMAGED',
        `the database in ${dir} has lost its file CURRENT. ${WAY_OUT}`,
      );
    throw new ChainError(
      'DATABASE_DAMAGED',
      `cannot open the database in ${dir}: ${cause?.message ?? message}. ${WAY_OUT}`,
    );
  }

  let open = true;
  const reading = <T>(work: () => T): T => {
    if (!open) throw new ChainError('CLOSED', 'the database is closed');
    try {
      return work();
    } catch (error) {
      throw readFault(location, error);
    }
  };
  return {
    dir: location,
    get: (key) =>
      reading(() => {
        const value = level.getSync(key);
        return value === undefined ? undefined : plain(value);
      }),
    async entries(from, to, { limit, reverse = false }) {
      if (!open) throw new ChainError('CLOSED', 'the database is closed');
      try {
        const found = await level.iterator({ gte: from, lt: to, limit, reverse }).all();
        return found.map(([key, value]) => [plain(key), plain(value)] as const);
      } catch (error) {
        throw readFault(location, error);
      }
    },
    async write(writes) {
      if (readOnly) throw new Fault('write to a database that was opened for reading');
      if (!open) throw new ChainError('CLOSED', 'the database is closed');
      try {
        // A chained batch hands each operation over as it comes; an array would be copied and checked twice.
        const batch = level.batch();
        for (const { key, value } of writes)
          if (value === undefined) batch.del(key);
          else batch.put(key, value);
        await batch.write({ sync: true });
      } catch (error) {
        // A batch that did not fit is not there: LevelDB ignores the half record at the end of its log.
        if (isDiskFull(error)) throw diskFull(location, error);
        throw new Fault(`database write failed: ${(error as Error).message}`, { cause: error });
      }
    },
    async *scan(from, to) {
      if (!open) throw new ChainError('CLOSED', 'the database is closed');
      try {
        const range = { ...(from && { gte: from }), ...(to && { lt: to }), fillCache: false };
        for await (const [key, value] of level.iterator(range)) yield [plain(key), plain(value)] as const;
      } catch (error) {
        throw readFault(location, error);
      }
    },
    async clear(from, to) {
      if (readOnly) throw new Fault('write to a database that was opened for reading');
      if (!open) throw new ChainError('CLOSED', 'the database is closed');
      try {
        await level.clear({ gte: from, lt: to });
      } catch (error) {
        if (isDiskFull(error)) throw diskFull(location, error);
        throw new Fault(`database write failed: ${(error as Error).message}`, { cause: error });
      }
    },
    async compact(from, to) {
      if (!open) throw new ChainError('CLOSED', 'the database is closed');
      try {
        await (level as unknown as Compacting).compactRange(from, to, { keyEncoding: 'view' });
      } catch (error) {
        if (isDiskFull(error)) throw diskFull(location, error);
        throw new Fault(`database compaction failed: ${(error as Error).message}`, { cause: error });
      }
    },
    async close() {
      if (!open) return;
      open = false;
      await level.close();
    },
  };
}

/** A table whose blocks are not what LevelDB wrote is no passing trouble: what helps stands beside it. */
function readFault(dir: string, error: unknown): Fault {
  const { code, cause, message } = error as LevelError;
  const detail = cause?.message ?? message ?? String(error);
  const damaged = code === 'LEVEL_CORRUPTION' || /corruption|\.(ldb|sst)\b/i.test(detail);
  return damaged
    ? new Fault(`DATABASE_DAMAGED: a file of the database in ${dir} is damaged: ${detail}. ${WAY_OUT}`, {
        cause: error,
      })
    : new Fault(`database read failed: ${detail}`, { cause: error });
}

/** LevelDB hands out Buffers, whose `slice` is a view where a Uint8Array's is a copy. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether this error, or one below it, is the operating system's "no space left". */
export function isDiskFull(error: unknown): boolean {
  for (let at = error as LevelError | undefined, depth = 0; at && depth < 8; depth++) {
    if (at.code === 'ENOSPC' || at.code === 'EDQUOT') return true;
    if (/no space left|disk quota exceeded/i.test(at.message ?? '')) return true;
    at = at.cause as LevelError | undefined;
  }
  return false;
}

/** The one message of a full disk, wherever it is met. */
export function diskFull(where: string, cause?: unknown): Fault {
  return new Fault(
    `DISK_FULL: no space is left on the disk that holds ${where}. The last block is stored as a whole and nothing is ` +
      'damaged: make room, then start again',
    { cause },
  );
}
