/** The LevelDB under everything: synchronous reads, one durable atomic batch at a time, one writing process. */
import { mkdirSync, realpathSync } from 'node:fs';
import { Level } from 'level';
import { ChainError, Fault } from '../types.ts';

export type Write = { key: Uint8Array; value: Uint8Array } | { key: Uint8Array; value?: undefined };

export interface Database {
  readonly dir: string;
  /** Value of a key, or undefined. Throws `Fault` if the disk fails. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** All or nothing, and durable when it resolves. */
  write(writes: readonly Write[]): Promise<void>;
  close(): Promise<void>;
}

interface LevelError {
  code?: string;
  cause?: { code?: string; message?: string };
  message?: string;
}

/**
 * Opens the database in `dir`. LevelDB's lock lets only one process in; threads of that process share one handle
 * (classic-level's `multithreading`), so that readers beside the executor see every finished batch.
 * @throws ChainError DATA_DIR_IN_USE, NOT_INITIALISED (read-only and nothing there), DATABASE_DAMAGED
 */
export async function openDatabase(dir: string, options: { readOnly?: boolean } = {}): Promise<Database> {
  const readOnly = options.readOnly === true;
  let location: string;
  try {
    if (!readOnly) mkdirSync(dir, { recursive: true });
    // Threads find each other's handle by the exact path.
    location = realpathSync(dir);
  } catch (error) {
    if (readOnly) throw new ChainError('NOT_INITIALISED', `no chain in ${dir}: start a node there first`);
    throw new ChainError('DATABASE_DAMAGED', `cannot use ${dir}: ${(error as Error).message}`);
  }
  const level = new Level<Uint8Array, Uint8Array>(location, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    createIfMissing: !readOnly,
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
        `another node is running on ${dir}: stop it, or give this one another --data-dir`,
      );
    if (readOnly && /does not exist/.test(cause?.message ?? ''))
      throw new ChainError('NOT_INITIALISED', `no chain in ${dir}: start a node there first`);
    throw new ChainError(
      'DATABASE_DAMAGED',
      `cannot open the database in ${dir}: ${cause?.message ?? message}`,
    );
  }

  let open = true;
  const guard = <T>(what: string, work: () => T): T => {
    if (!open) throw new ChainError('CLOSED', 'the database is closed');
    try {
      return work();
    } catch (error) {
      throw new Fault(`database ${what} failed: ${(error as Error).message}`, { cause: error });
    }
  };
  return {
    dir: location,
    get: (key) =>
      guard('read', () => {
        const value = level.getSync(key);
        // LevelDB hands out Buffers, whose `slice` is a view where a Uint8Array's is a copy.
        return value === undefined
          ? undefined
          : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      }),
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
        throw new Fault(`database write failed: ${(error as Error).message}`, { cause: error });
      }
    },
    async close() {
      if (!open) return;
      open = false;
      await level.close();
    },
  };
}
