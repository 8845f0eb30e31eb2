/** What a database holds, by column: for people who wonder where the space went. */
import type { DatabaseFiles } from '../db/database.ts';
import { COLUMN } from '../db/keys.ts';

export interface ColumnStats {
  readonly name: string;
  readonly entries: number;
  /** Of keys and values, before compression. */
  readonly bytes: number;
}

/** Reads every entry once: about 100 MB a second. */
export async function databaseStats(db: DatabaseFiles): Promise<ColumnStats[]> {
  const names = new Map<number, string>(Object.entries(COLUMN).map(([name, byte]) => [byte, name]));
  const columns = new Map<string, { entries: number; bytes: number }>();
  for await (const [key, value] of db.scan()) {
    const name = names.get(key[0] ?? 0) ?? 'unknown';
    const column = columns.get(name) ?? { entries: 0, bytes: 0 };
    columns.set(name, column);
    column.entries += 1;
    column.bytes += key.length + value.length;
  }
  return [...columns].map(([name, column]) => ({ name, ...column })).sort((a, b) => b.bytes - a.bytes);
}
